-- What comes back: delivery reports, replies, alerts; and what operators set.

-- name: report.add
-- staged_rows: report_id VARCHAR, gateway_message_id VARCHAR, client_ref VARCHAR, status VARCHAR, reason VARCHAR, is_permanent BOOLEAN, reported_at TIMESTAMPTZ, charge VARCHAR, charge_unit VARCHAR, charge_segments BIGINT
-- A provider that numbers anew gives an old id to a new report: one is known by all that it says of a message.
INSERT INTO delivery_report (
    report_no, gateway, report_id, gateway_message_id, client_ref, status, reason, is_permanent, reported_at, charge,
    charge_unit, charge_segments, recorded_at
)
SELECT
    latest.report_no + row_number() OVER (ORDER BY fresh.reported_at, fresh.report_id), $gateway, fresh.*, $at
FROM (SELECT coalesce(max(report_no), 0) AS report_no FROM delivery_report) AS latest, (
    SELECT
        report_id, gateway_message_id, client_ref, status, any_value(reason) AS reason,
        any_value(is_permanent) AS is_permanent, any_value(reported_at) AS reported_at,
        any_value(CAST(charge AS DECIMAL(18, 6))) AS charge, any_value(charge_unit) AS charge_unit,
        any_value(charge_segments) AS charge_segments
    FROM staged_rows
    WHERE NOT EXISTS (
        SELECT 1 FROM delivery_report AS known
        WHERE known.gateway = $gateway
            AND known.report_id = staged_rows.report_id
            AND known.gateway_message_id = staged_rows.gateway_message_id
            AND known.client_ref IS NOT DISTINCT FROM staged_rows.client_ref
            AND known.status = staged_rows.status
    )
    GROUP BY report_id, gateway_message_id, client_ref, status
) AS fresh

-- name: report.unapplied
SELECT report_no FROM delivery_report WHERE gateway = $gateway AND applied_at IS NULL ORDER BY reported_at, report_no

-- name: report.waiting
-- staged_rows: report_no BIGINT
-- Of these reports those not applied yet, with the message they speak of; one still in flight, or never tried, lets its
-- report wait. The state is that of ``message_status``, read for these messages only: the view reads all of them.
WITH waiting AS (
    SELECT delivery_report.* FROM delivery_report SEMI JOIN staged_rows USING (report_no)
    WHERE gateway = $gateway AND applied_at IS NULL
),
matched AS (
    SELECT waiting.report_no, message.campaign_id, message.recipient_id
    FROM waiting JOIN message ON message.client_ref = waiting.client_ref
    UNION
    SELECT waiting.report_no, message_event.campaign_id, message_event.recipient_id
    FROM waiting JOIN message_event ON message_event.gateway_message_id = waiting.gateway_message_id
    JOIN campaign ON campaign.campaign_id = message_event.campaign_id AND campaign.gateway = $gateway
    WHERE waiting.client_ref IS NULL
),
latest AS (
    SELECT
        campaign_id, recipient_id, arg_max(event, event_id) AS state, arg_max(slice_no, event_id) AS slice_no
    FROM message_event SEMI JOIN matched USING (campaign_id, recipient_id)
    GROUP BY campaign_id, recipient_id
)
SELECT
    waiting.report_no, waiting.report_id, waiting.status, waiting.reason, waiting.is_permanent,
    waiting.gateway_message_id, message.campaign_id, message.recipient_id, message.number_id, message.msisdn,
    latest.state, coalesce(latest.slice_no, message.slice_no) AS slice_no, message.segment_count,
    CAST(message.price AS VARCHAR) AS price, CAST(waiting.charge AS VARCHAR) AS charge, waiting.charge_unit,
    waiting.charge_segments, CAST(message_charge.amount AS VARCHAR) AS charged_before
FROM waiting
JOIN matched USING (report_no)
JOIN message USING (campaign_id, recipient_id)
JOIN latest USING (campaign_id, recipient_id)
LEFT JOIN message_charge USING (campaign_id, recipient_id)
WHERE latest.state <> 'claimed'
ORDER BY waiting.reported_at, waiting.report_no

-- name: report.mark_applied
-- staged_rows: report_no BIGINT
UPDATE delivery_report SET applied_at = $at WHERE report_no IN (SELECT report_no FROM staged_rows)

-- name: report.count_unmatched
SELECT count(*) FROM delivery_report WHERE gateway = $gateway AND applied_at IS NULL

-- name: reply.known
-- staged_rows: position BIGINT, gateway_reply_id VARCHAR, sender VARCHAR, text VARCHAR, received_at TIMESTAMPTZ
-- A provider that numbers anew gives an old id to a new reply: one is known by all that it says.
SELECT staged_rows.position
FROM staged_rows JOIN reply
    ON reply.gateway = $gateway
    AND reply.gateway_reply_id = staged_rows.gateway_reply_id
    AND reply.sender = staged_rows.sender
    AND reply.text = staged_rows.text
    AND reply.received_at = staged_rows.received_at

-- name: reply.next_id
SELECT coalesce(max(reply_id), 0) + 1 FROM reply

-- name: reply.add
-- staged_rows: reply_id BIGINT, gateway_reply_id VARCHAR, sender VARCHAR, number_id BIGINT, text VARCHAR, verdict VARCHAR, received_at TIMESTAMPTZ
-- The campaign is the last one whose message this person got. A time in the future, or before $oldest, is not believed:
-- the time of reading counts.
INSERT INTO reply (
    reply_id, gateway, gateway_reply_id, sender, number_id, text, verdict, campaign_id, received_at, counts_at, recorded_at
)
SELECT
    staged_rows.reply_id, $gateway, staged_rows.gateway_reply_id, staged_rows.sender, staged_rows.number_id,
    staged_rows.text, staged_rows.verdict, last_message.campaign_id, staged_rows.received_at,
    CASE WHEN staged_rows.received_at BETWEEN $oldest AND $at THEN staged_rows.received_at ELSE $at END, $at
FROM staged_rows
LEFT JOIN (
    SELECT message.number_id, max(message.campaign_id) AS campaign_id
    FROM message JOIN campaign USING (campaign_id)
    WHERE campaign.kind IN ('marketing', 'alert')
        AND message.number_id IN (SELECT number_id FROM staged_rows)
    GROUP BY message.number_id
) AS last_message USING (number_id)

-- name: reply.unanswered
WITH waiting AS (
    SELECT * FROM reply WHERE gateway = $gateway AND answer IS NULL ORDER BY reply_id LIMIT $most
)
SELECT
    waiting.reply_id, waiting.number_id, waiting.sender, waiting.verdict, waiting.counts_at,
    waiting.number_id IN (SELECT number_id FROM opt_out_entry WHERE lifted_at IS NULL) AS is_opted_out,
    coalesce(answered.answer_count, 0) AS answer_count
FROM waiting LEFT JOIN (
    SELECT number_id, count(*) AS answer_count FROM reply
    WHERE answer = 'planned' AND answered_at > $since AND number_id IN (SELECT number_id FROM waiting)
    GROUP BY number_id
) AS answered USING (number_id)
ORDER BY waiting.reply_id

-- name: reply.set_answers
-- staged_rows: reply_id BIGINT, answer VARCHAR
UPDATE reply SET answer = staged_rows.answer, answered_at = $at
FROM staged_rows WHERE staged_rows.reply_id = reply.reply_id

-- name: reply.answered_since
SELECT count(*) FROM reply WHERE gateway = $gateway AND answer = 'planned' AND answered_at > $since

-- name: reply.doubtful
-- What is not settled, oldest first; a START of the person settles it too.
SELECT
    reply.reply_id, reply.gateway, reply.sender, reply.text, reply.received_at, campaign.name AS campaign,
    count(*) OVER () AS doubtful_count
FROM reply LEFT JOIN campaign USING (campaign_id)
WHERE reply.verdict = 'stop_doubtful'
    AND reply.settled_as IS NULL
    AND reply.reply_id NOT IN (
        SELECT reply_id FROM opt_out_entry WHERE reply_id IS NOT NULL AND lifted_at IS NOT NULL
    )
ORDER BY reply.reply_id LIMIT $most

-- name: reply.get
SELECT reply_id, number_id, sender, text, verdict, settled_as, settled_by FROM reply WHERE reply_id = $reply_id

-- name: reply.settle
UPDATE reply SET settled_as = $settled_as, settled_by = $actor, settled_at = $at WHERE reply_id = $reply_id

-- name: reply.by_verdict
SELECT verdict, coalesce(answer, 'waiting') AS answer, count(*) AS reply_count
FROM reply WHERE campaign_id = $campaign_id GROUP BY verdict, answer ORDER BY verdict, answer

-- name: reply.totals
SELECT verdict, coalesce(answer, 'waiting') AS answer, count(*) AS reply_count
FROM reply WHERE gateway = $gateway GROUP BY verdict, answer ORDER BY verdict, answer

-- name: setting.put
INSERT INTO operator_setting
SELECT coalesce(max(setting_id), 0) + 1, $name, $value, $changed_by, $at FROM operator_setting

-- name: setting.get
SELECT value, changed_by, changed_at FROM operator_setting WHERE name = $name ORDER BY setting_id DESC LIMIT 1

-- name: setting.at
-- What was in force then; of a setting that is younger, its first value.
SELECT coalesce(arg_max(value, setting_id) FILTER (changed_at <= $at), arg_min(value, setting_id)) AS value
FROM operator_setting WHERE name = $name

-- name: state.add
INSERT INTO gateway_state VALUES ($gateway, $name, $value, $at)

-- name: state.change
UPDATE gateway_state SET value = $value, changed_at = $at WHERE gateway = $gateway AND name = $name

-- name: state.of
SELECT name, value, changed_at FROM gateway_state WHERE gateway = $gateway

-- name: state.get
SELECT value, changed_at FROM gateway_state WHERE gateway = $gateway AND name = $name

-- name: balance.latest
SELECT amount, unit, captured_before FROM balance_reading WHERE gateway = $gateway ORDER BY reading_id DESC LIMIT 1

-- name: balance.drift
-- Since the last reading that was higher than the one before, by a top-up, or the first: how much the balance fell, and
-- what of that is ours: captured, or reserved and perhaps billed already. No row without a reading.
WITH reading AS (
    SELECT reading_id, amount, unit, captured_before, read_at, lag(amount) OVER (ORDER BY reading_id) AS amount_before
    FROM balance_reading WHERE gateway = $gateway
),
ledger AS (
    SELECT
        coalesce(sum(amount) FILTER (kind IN ('capture', 'adjust')), 0) AS captured,
        coalesce(sum(CASE kind WHEN 'reserve' THEN amount WHEN 'adjust' THEN 0 ELSE -amount END), 0) AS reserved
    FROM credit_entry WHERE gateway = $gateway
)
SELECT
    base.amount - (SELECT arg_max(amount, reading_id) FROM reading) AS fell,
    ledger.captured - base.captured_before AS captured,
    ledger.reserved,
    base.unit,
    base.read_at AS since
FROM reading AS base, ledger
WHERE base.amount_before IS NULL OR base.amount > base.amount_before
ORDER BY base.reading_id DESC LIMIT 1

-- name: alert.open
SELECT alert_id, kind, gateway, message, raised_at, mailed_at, texted_at FROM alert
WHERE kind = $kind AND gateway = $gateway AND cleared_at IS NULL

-- name: alert.next_id
SELECT coalesce(max(alert_id), 0) + 1 FROM alert

-- name: alert.raise
INSERT INTO alert VALUES ($alert_id, $kind, $gateway, $message, $at, NULL, NULL, NULL)

-- name: alert.set_mailed
UPDATE alert SET mailed_at = $at WHERE alert_id = $alert_id

-- name: alert.set_texted
UPDATE alert SET texted_at = $at WHERE alert_id = $alert_id

-- name: alert.clear
UPDATE alert SET cleared_at = $at WHERE kind = $kind AND gateway = $gateway AND cleared_at IS NULL

-- name: reply.share
-- Replies that get an automatic answer, for each message the gateway accepted: a person who writes twice counts twice.
-- NULL before the first message.
SELECT (
    SELECT count(*) FROM reply JOIN campaign USING (campaign_id)
    WHERE campaign.kind IN ('marketing', 'alert') AND reply.verdict IN ('other', 'start', 'help')
) / nullif((
    SELECT count(*) FROM message_event JOIN campaign USING (campaign_id)
    WHERE campaign.kind IN ('marketing', 'alert') AND message_event.event = 'accepted'
), 0) AS share
