-- From draft to lock: what an approval looks at, how it is taken back, and what tests are made of.

-- name: campaign.was_claimed
SELECT count(*) > 0 FROM message_event WHERE campaign_id = $campaign_id AND event IN ('claimed', 'unknown')

-- name: campaign.withdraw_approval
UPDATE campaign SET
    state = 'prepared', approved_hash = NULL, due_at = NULL, first_due_at = NULL, state_reason = NULL, updated_at = $at
WHERE campaign_id = $campaign_id

-- name: event.forget
-- Only while nothing was claimed: the steps of messages that are cut anew.
DELETE FROM message_event WHERE campaign_id = $campaign_id

-- name: campaign.authors
-- Who prepared or revised it, in whatever version.
SELECT DISTINCT actor FROM campaign_event
WHERE campaign_id = $campaign_id AND event IN ('prepared', 'revised')

-- name: campaign.count_staying
-- Messages that a STOP, or the news that their number does not exist, keeps back; each counts once.
SELECT
    count(*) FILTER (is_opted_out) AS opted_out_count,
    count(*) FILTER (is_dead AND NOT is_opted_out) AS dead_count
FROM (
    SELECT
        opt_out.number_id IS NOT NULL AND $opt_outs_bind AS is_opted_out,
        dead_number.number_id IS NOT NULL AS is_dead
    FROM message
    LEFT JOIN opt_out ON opt_out.number_id = message.number_id
    LEFT JOIN dead_number ON dead_number.number_id = message.number_id
    WHERE message.campaign_id = $campaign_id
)

-- name: campaign.count_served
-- Recipients who had that many marketing messages since then, or will have from campaigns that are approved.
SELECT count(*) FROM message
SEMI JOIN (
    SELECT number_id FROM marketing_message
    WHERE campaign_id <> $campaign_id AND (is_open OR accepted_at >= $counted_since)
    GROUP BY number_id HAVING count(*) >= $most_messages
) AS served USING (number_id)
WHERE message.campaign_id = $campaign_id

-- name: campaign.loads
-- How much each place has, in the order of the queue, and the hour of its own.
SELECT
    window_key,
    CAST(sum(message_count) AS BIGINT) AS message_count,
    CAST(sum(segment_count) AS BIGINT) AS segment_count,
    any_value(not_before) AS not_before
FROM slice
WHERE campaign_id = $campaign_id GROUP BY window_key ORDER BY min(slice_no)

-- name: campaign.committed_to_alerts
-- The part of campaign.committed that an emergency must leave alone.
SELECT coalesce(sum(slice.price), 0)
FROM slice JOIN campaign USING (campaign_id)
WHERE slice.state = 'planned'
    AND campaign.gateway = $gateway
    AND campaign.kind <> 'marketing'
    AND campaign.state IN ('approved', 'sending', 'parked', 'paused')

-- name: message.telling
-- Texts worth a test, the most telling first: of the dearest message, of the longest, of the shortest, then of others.
SELECT 1 AS rank, text FROM (
    SELECT text FROM message WHERE campaign_id = $campaign_id
    ORDER BY price DESC, length(text) DESC, recipient_id LIMIT 1
)
UNION ALL
SELECT 2, text FROM (
    SELECT text FROM message WHERE campaign_id = $campaign_id ORDER BY length(text) DESC, recipient_id LIMIT 1
)
UNION ALL
SELECT 3, text FROM (
    SELECT text FROM message WHERE campaign_id = $campaign_id ORDER BY length(text), recipient_id LIMIT 1
)
UNION ALL
SELECT 3 + row_number() OVER (ORDER BY recipient_id), text FROM (
    SELECT recipient_id, text FROM message WHERE campaign_id = $campaign_id ORDER BY recipient_id LIMIT 3 + $count
)
ORDER BY rank

-- name: message.next_recipient_id
-- In a standing campaign, whose recipients are counted.
SELECT coalesce(max(message.recipient_id), 0) + 1
FROM message JOIN campaign USING (campaign_id)
WHERE campaign.kind = $kind AND campaign.gateway = $gateway

-- name: message.has_origin
SELECT count(*) > 0 FROM message JOIN campaign USING (campaign_id)
WHERE campaign.kind = $kind AND message.origin = $origin

-- name: message.of_origin
SELECT message.msisdn, message.text, message.encoding, message.segment_count, message.price, message_status.state
FROM message JOIN campaign USING (campaign_id) JOIN message_status USING (campaign_id, recipient_id)
WHERE campaign.kind = $kind AND message.origin = $origin
ORDER BY message.recipient_id
