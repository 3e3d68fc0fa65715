-- Messages of campaigns. Key: (campaign_id, recipient_id).

-- name: message.forget
-- Delete the messages of a campaign that is prepared again. Only while nothing was claimed.
DELETE FROM message WHERE campaign_id = $campaign_id

-- name: message.add
-- staged_messages: Messages
-- Add the messages of a campaign. client_ref is fixed here, before the first try: 80 bits of a keyed hash of the
-- campaign and the recipient. $store_key: the key of that hash. Rows are stored in the order of the queue, so that a
-- claim reads few blocks.
INSERT INTO message
SELECT
    $campaign_id,
    recipient_id,
    number_id,
    msisdn,
    text,
    encoding,
    sender_id,
    segment_count,
    CAST(price AS DECIMAL(18, 6)),
    territory,
    window_key,
    left(sha256(concat_ws(':', $store_key, $campaign_id, recipient_id)), 20),
    slice_no,
    origin,
    import_id,
    row_number
FROM staged_messages

-- name: message.planned_to_stopped
-- staged_rows: StoppedNumbers
-- One row per planned message to the staged people in the campaigns that are approved and that opt-outs apply to.
WITH sent AS (
    SELECT message.campaign_id, message.recipient_id, message.slice_no, message.segment_count, message.price
    FROM message SEMI JOIN staged_rows USING (number_id) JOIN campaign USING (campaign_id)
    WHERE campaign.state IN ('approved', 'sending', 'parked', 'paused')
        AND NOT (campaign.kind = 'alert' AND campaign.requested_service)
        AND message.campaign_id IN (SELECT campaign_id FROM slice WHERE state = 'planned')
),
latest AS (
    SELECT
        campaign_id, recipient_id, arg_max(event, event_id) AS state, arg_max(slice_no, event_id) AS slice_no
    FROM message_event SEMI JOIN sent USING (campaign_id, recipient_id)
    GROUP BY campaign_id, recipient_id
)
SELECT
    sent.campaign_id, sent.recipient_id, coalesce(latest.slice_no, sent.slice_no) AS slice_no, sent.segment_count,
    CAST(sent.price AS VARCHAR) AS price
FROM sent LEFT JOIN latest USING (campaign_id, recipient_id)
WHERE coalesce(latest.state, 'planned') = 'planned'
ORDER BY sent.campaign_id, slice_no, sent.recipient_id

-- name: message.count_by_state
-- One row per state of a campaign's messages.
SELECT state, count(*) AS message_count, sum(segment_count) AS segment_count
FROM message_status WHERE campaign_id = $campaign_id GROUP BY state ORDER BY state

-- name: message.count_without_report
-- The number of messages of a campaign that were accepted before $before and have no final delivery report.
SELECT count(*) FROM message_status
WHERE campaign_id = $campaign_id AND state = 'accepted' AND changed_at < $before

-- name: message.reasons
-- One row per state and reason of messages that were not accepted or not delivered: the 20 most frequent.
SELECT state, coalesce(reason, '') AS reason, count(*) AS message_count
FROM message_status WHERE campaign_id = $campaign_id AND state NOT IN ('planned', 'accepted', 'delivered')
GROUP BY state, reason ORDER BY message_count DESC, state, reason LIMIT 20

-- name: message.by_territory
-- One row per territory: message counts, and the credit spent on accepted messages.
SELECT
    territory,
    count(*) AS message_count,
    count(*) FILTER (state IN ('accepted', 'delivered', 'undelivered')) AS accepted_count,
    count(*) FILTER (state = 'delivered') AS delivered_count,
    coalesce(
        sum(coalesce(message_charge.amount, price)) FILTER (state IN ('accepted', 'delivered', 'undelivered')), 0
    ) AS spent
FROM message_status LEFT JOIN message_charge USING (campaign_id, recipient_id)
WHERE campaign_id = $campaign_id GROUP BY territory ORDER BY message_count DESC, territory

-- name: message.telling
-- Texts for a test, the most useful first: of the most expensive message, the longest, the shortest, then others. A
-- text may come twice. $count: how many are needed.
SELECT text FROM (
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
)
ORDER BY rank

-- name: message.next_recipient_id
-- The next recipient_id in the tests or notices of a gateway: their messages are numbered. $kind: 'test' or 'notice'.
SELECT coalesce(max(message.recipient_id), 0) + 1
FROM message JOIN campaign USING (campaign_id)
WHERE campaign.kind = $kind AND campaign.gateway = $gateway

-- name: message.has_origin
-- Whether a campaign of a kind has messages of an origin. $origin: the Prefect run or another key of the same request.
SELECT count(*) > 0 FROM message JOIN campaign USING (campaign_id)
WHERE campaign.kind = $kind AND message.origin = $origin

-- name: message.has_origin_in
-- Whether a slice was cut with messages of an origin.
SELECT count(*) > 0 FROM message
WHERE campaign_id = $campaign_id AND slice_no = $slice_no AND origin = $origin

-- name: message.of_origin
-- One row per message of a kind and an origin, in order.
SELECT message.msisdn, message.text, message.encoding, message.segment_count, message.price, message_status.state
FROM message JOIN campaign USING (campaign_id) JOIN message_status USING (campaign_id, recipient_id)
WHERE campaign.kind = $kind AND message.origin = $origin
ORDER BY message.recipient_id
