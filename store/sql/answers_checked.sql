-- What a gateway says that cannot be right: ids, charges, and acceptances that come late.

-- name: event.ids_taken
-- Which message a gateway's own ids are known of, by the events after one of them.
SELECT DISTINCT message_event.gateway_message_id, message.client_ref
FROM message_event
SEMI JOIN (SELECT unnest($gateway_message_ids) AS gateway_message_id) AS said USING (gateway_message_id)
JOIN campaign USING (campaign_id)
JOIN message USING (campaign_id, recipient_id)
WHERE message_event.event_id > $after_event_id AND campaign.gateway = $gateway

-- name: event.ids_of_slice
-- The ids that the messages of a slice are known under.
SELECT DISTINCT message.client_ref, message_event.gateway_message_id
FROM message_event
JOIN message USING (campaign_id, recipient_id)
WHERE message_event.campaign_id = $campaign_id
    AND message_event.event_id >= $first_event_id
    AND message_event.gateway_message_id IS NOT NULL
    AND message.slice_no = $cut_as

-- name: event.ids_shared
-- The ids of a campaign that stand for more than one message of its gateway.
SELECT message_event.gateway_message_id
FROM message_event
JOIN campaign USING (campaign_id)
SEMI JOIN (
    SELECT gateway_message_id FROM message_event
    WHERE campaign_id = $campaign_id AND gateway_message_id IS NOT NULL
) AS ours USING (gateway_message_id)
WHERE campaign.gateway = $gateway
GROUP BY message_event.gateway_message_id
HAVING min(recipient_id) <> max(recipient_id) OR min(campaign_id) <> max(campaign_id)

-- name: slice.dispute
UPDATE slice SET is_disputed = true WHERE campaign_id = $campaign_id AND slice_no = $slice_no

-- name: slice.ask_later
-- Of every campaign on a gateway: what was seen before says nothing any more.
UPDATE slice SET ask_after = ask_after + to_microseconds(CAST($microseconds AS BIGINT)), absent_count = 0
FROM campaign
WHERE campaign.campaign_id = slice.campaign_id
    AND campaign.gateway = $gateway
    AND slice.state IN ('claimed', 'unknown')

-- name: campaign.holds_absent
-- The campaigns of a gateway in which something waits that was put back because a look-up found no trace of it.
SELECT DISTINCT status.campaign_id
FROM message_status AS status JOIN campaign USING (campaign_id)
WHERE campaign.gateway = $gateway AND status.state = 'planned' AND status.reason = $absent

-- name: report.late
-- Reports that wait, of messages that a look-up had found absent: when they were claimed and when they were absent. One
-- under the id of a later acceptance is of that one.
WITH waiting AS (
    SELECT gateway_message_id, client_ref FROM delivery_report WHERE gateway = $gateway AND applied_at IS NULL
),
matched AS (
    SELECT message.campaign_id, message.recipient_id, waiting.gateway_message_id
    FROM waiting JOIN message ON message.client_ref = waiting.client_ref
    UNION
    SELECT message_event.campaign_id, message_event.recipient_id, waiting.gateway_message_id
    FROM waiting JOIN message_event ON message_event.gateway_message_id = waiting.gateway_message_id
    JOIN campaign ON campaign.campaign_id = message_event.campaign_id AND campaign.gateway = $gateway
    WHERE waiting.client_ref IS NULL
)
SELECT
    matched.campaign_id, matched.recipient_id, absence.recorded_at AS absent_at,
    max(claimed.recorded_at) AS claimed_at
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
-- Reports that wait, and name a message by our reference under an id that it is not known by, or that another one has.
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

-- name: charge.put
-- staged_rows: campaign_id BIGINT, recipient_id BIGINT, slice_no BIGINT, amount VARCHAR, segment_count BIGINT
INSERT INTO message_charge
SELECT campaign_id, recipient_id, slice_no, CAST(amount AS DECIMAL(18, 6)), segment_count, $at FROM staged_rows
ON CONFLICT (campaign_id, recipient_id) DO UPDATE SET
    amount = excluded.amount, segment_count = excluded.segment_count, recorded_at = excluded.recorded_at

-- name: charge.of_campaign
-- What a campaign was to cost so far by its recap, how much more it was charged, and in how many messages the segments
-- are not those of the recap.
SELECT entry.captured, entry.adjusted, counted.segment_changes
FROM (
    SELECT
        coalesce(sum(amount) FILTER (kind = 'capture'), 0) AS captured,
        coalesce(sum(amount) FILTER (kind = 'adjust'), 0) AS adjusted
    FROM credit_entry WHERE campaign_id = $campaign_id
) AS entry, (
    SELECT count(*) AS segment_changes
    FROM message_charge JOIN message USING (campaign_id, recipient_id)
    WHERE message_charge.campaign_id = $campaign_id AND message_charge.segment_count <> message.segment_count
) AS counted
