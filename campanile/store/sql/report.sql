-- Delivery reports.

-- name: report.late
-- Late acceptances: one row per message that a look-up did not find and that a report now proves accepted, with the
-- time of its claim and of the absence. Only reports that are not applied yet. A report with the id of a later
-- acceptance belongs to that one. $absent: the reason of the absence event.
WITH waiting AS (
    SELECT gateway_message_id, client_ref FROM delivery_report WHERE gateway = $gateway AND applied_at IS NULL
),
matched AS (
    SELECT message.campaign_id, message.recipient_id, waiting.gateway_message_id
    FROM waiting JOIN message ON message.client_ref = waiting.client_ref
    JOIN campaign ON campaign.campaign_id = message.campaign_id AND campaign.gateway = $gateway
    UNION
    SELECT message_event.campaign_id, message_event.recipient_id, waiting.gateway_message_id
    FROM waiting JOIN message_event ON message_event.gateway_message_id = waiting.gateway_message_id
    JOIN campaign ON campaign.campaign_id = message_event.campaign_id AND campaign.gateway = $gateway
    WHERE waiting.client_ref IS NULL
)
SELECT max(claimed.recorded_at) AS claimed_at, absence.recorded_at AS absent_at
FROM matched
JOIN message_event AS absence ON absence.campaign_id = matched.campaign_id
    AND absence.recipient_id = matched.recipient_id
    AND absence.event = 'planned' AND absence.reason = $absent
JOIN message_event AS claimed ON claimed.campaign_id = matched.campaign_id
    AND claimed.recipient_id = matched.recipient_id
    AND claimed.event = 'claimed' AND claimed.event_id < absence.event_id
ANTI JOIN message_event AS later ON later.campaign_id = matched.campaign_id
    AND later.recipient_id = matched.recipient_id
    AND later.event_id > absence.event_id
    AND later.gateway_message_id = matched.gateway_message_id
GROUP BY matched.campaign_id, matched.recipient_id, absence.recorded_at

-- name: report.of_other_ids
-- One row per report, not applied yet, whose id disagrees with the message of its client_ref: the message is known by
-- other ids, or the id belongs to another message (is_of_another).
WITH waiting AS (
    SELECT report_id, gateway_message_id, client_ref FROM delivery_report
    WHERE gateway = $gateway AND applied_at IS NULL AND client_ref IS NOT NULL
),
matched AS (
    SELECT waiting.report_id, waiting.gateway_message_id, message.campaign_id, message.recipient_id
    FROM waiting JOIN message ON message.client_ref = waiting.client_ref
    JOIN campaign ON campaign.campaign_id = message.campaign_id AND campaign.gateway = $gateway
),
known AS (
    SELECT matched.report_id, count(*) AS id_count,
        count(*) FILTER (message_event.gateway_message_id = matched.gateway_message_id) AS same_count
    FROM matched
    JOIN message_event USING (campaign_id, recipient_id)
    WHERE message_event.gateway_message_id IS NOT NULL
    GROUP BY matched.report_id
),
others AS (
    SELECT DISTINCT matched.report_id
    FROM matched
    JOIN message_event ON message_event.gateway_message_id = matched.gateway_message_id
    JOIN campaign ON campaign.campaign_id = message_event.campaign_id AND campaign.gateway = $gateway
    WHERE (message_event.campaign_id, message_event.recipient_id) <> (matched.campaign_id, matched.recipient_id)
    UNION
    SELECT one.report_id
    FROM matched AS one JOIN matched AS other ON other.gateway_message_id = one.gateway_message_id
    WHERE (other.campaign_id, other.recipient_id) <> (one.campaign_id, one.recipient_id)
)
SELECT matched.report_id, matched.campaign_id, others.report_id IS NOT NULL AS is_of_another
FROM matched LEFT JOIN known USING (report_id) LEFT JOIN others USING (report_id)
WHERE others.report_id IS NOT NULL OR (known.id_count > 0 AND known.same_count = 0)

-- name: report.add
-- staged_rows: DeliveryReports
-- Add the reports that are not stored. A report is known by all that it says of a message, because a provider that
-- restarts its numbering gives an old id to a new report.
INSERT INTO delivery_report (
    report_no, gateway, report_id, gateway_message_id, client_ref, status, reason, is_permanent, reported_at, charge,
    charge_unit, charge_segments, word, cause, recorded_at
)
SELECT
    latest.report_no + row_number() OVER (ORDER BY fresh.reported_at, fresh.report_id), $gateway, fresh.*, $at
FROM (SELECT coalesce(max(report_no), 0) AS report_no FROM delivery_report) AS latest, (
    SELECT
        report_id, gateway_message_id, client_ref, status, any_value(reason) AS reason,
        any_value(is_permanent) AS is_permanent, any_value(reported_at) AS reported_at,
        any_value(CAST(charge AS DECIMAL(18, 6))) AS charge, any_value(charge_unit) AS charge_unit,
        any_value(charge_segments) AS charge_segments, any_value(word) AS word, any_value(cause) AS cause
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
-- The numbers of the reports that are not applied yet, in the order of their time.
SELECT report_no FROM delivery_report WHERE gateway = $gateway AND applied_at IS NULL ORDER BY reported_at, report_no

-- name: report.waiting
-- staged_rows: ReportNumbers
-- Of the staged reports: one row per report not applied yet and message that it concerns. The report of a message that
-- is in flight or was never tried waits, and so does a report of another gateway than the message's. The state is that of ``message_status``, computed for these messages only,
-- because the view reads all messages.
WITH waiting AS (
    SELECT delivery_report.* FROM delivery_report SEMI JOIN staged_rows USING (report_no)
    WHERE gateway = $gateway AND applied_at IS NULL
),
matched AS (
    SELECT waiting.report_no, message.campaign_id, message.recipient_id
    FROM waiting JOIN message ON message.client_ref = waiting.client_ref
    JOIN campaign ON campaign.campaign_id = message.campaign_id AND campaign.gateway = $gateway
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
    waiting.report_no, waiting.report_id, waiting.status, waiting.reason, waiting.is_permanent, waiting.cause,
    waiting.word,
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
-- staged_rows: ReportNumbers
-- Mark reports as applied.
UPDATE delivery_report SET applied_at = $at WHERE report_no IN (SELECT report_no FROM staged_rows)

-- name: report.count_unmatched
-- The number of reports of a gateway that are not applied yet.
SELECT count(*) FROM delivery_report WHERE gateway = $gateway AND applied_at IS NULL

-- name: report.of_untried
-- One report on a message that this store never tried, if there is one: the gateway knows more than the store. A message
-- that an opt-out suppressed, or that waits for credit (planned), and that has no other event, was never tried.
SELECT report.gateway_message_id
FROM delivery_report AS report
JOIN message USING (client_ref)
JOIN campaign ON campaign.campaign_id = message.campaign_id AND campaign.gateway = report.gateway
WHERE report.gateway = $gateway
    AND report.applied_at IS NULL
    AND NOT EXISTS (
        SELECT 1 FROM message_event
        WHERE message_event.campaign_id = message.campaign_id
            AND message_event.recipient_id = message.recipient_id
            AND message_event.event NOT IN ('suppressed', 'planned') -- guard: untried-waits
    )
LIMIT 1

-- name: report.unknown_words
-- Words of a gateway's reports since $since that are in no table, the most frequent first, at most 20: how many reports
-- have each, and when the last one came.
SELECT word, count(*) AS report_count, max(recorded_at) AS last_at
FROM delivery_report
WHERE recorded_at >= $since AND gateway = $gateway AND cause = 'unknown word'
GROUP BY word ORDER BY report_count DESC, word LIMIT 20
