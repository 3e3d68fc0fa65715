-- Recaps and the figures of their pages. Key: (campaign_id, version).

-- name: recap.hash_messages
-- The hash of every text, recipient, price and window key. It does not depend on the order in which they were stored.
SELECT sha256(coalesce(string_agg(
    sha256(concat_ws(
        chr(31), recipient_id, number_id, msisdn, text, encoding, sender_id, segment_count, price, territory,
        window_key, client_ref
    )),
    '' ORDER BY recipient_id
), ''))
FROM message WHERE campaign_id = $campaign_id

-- name: recap.totals
-- One row: messages, segments and price of a campaign.
SELECT
    count(*) AS message_count, coalesce(sum(segment_count), 0) AS segment_count, coalesce(sum(price), 0) AS total_price
FROM message WHERE campaign_id = $campaign_id

-- name: recap.add
-- Add the recap of a version.
INSERT INTO recap (
    campaign_id, version, recap_hash, header, details, audience_mark, audience_count, message_count, exclusion_count,
    segment_count, total_price, unit, prepared_at
) VALUES (
    $campaign_id, $version, $recap_hash, $header, $details, $audience_mark, $audience_count, $message_count,
    $exclusion_count, $segment_count, $total_price, $unit, $at
)

-- name: recap.get
-- The recap of a version: at most one row.
SELECT
    campaign_id, version, recap_hash, header, coalesce(details, '{}') AS details, audience_mark, audience_count,
    message_count, exclusion_count, segment_count, total_price, unit, prepared_at
FROM recap WHERE campaign_id = $campaign_id AND version = $version

-- name: recap.header
-- The header of a recap: the facts of the campaign that its hash covers, as JSON.
SELECT header FROM recap WHERE campaign_id = $campaign_id AND version = $version

-- name: recap.exclusions
-- One row per reason: the number of excluded contacts, most first.
SELECT reason, count(*) AS contact_count FROM exclusion
WHERE campaign_id = $campaign_id AND version = $version GROUP BY reason ORDER BY contact_count DESC, reason

-- name: recap.territories
-- One row per territory: messages, segments and price, most messages first.
SELECT territory, count(*) AS message_count, sum(segment_count) AS segment_count, sum(price) AS price
FROM message WHERE campaign_id = $campaign_id GROUP BY territory ORDER BY message_count DESC, territory

-- name: recap.people_changed
-- staged_messages: Messages
-- One row: how many people are new, removed, or get another text than in the version before. It compares the staged
-- messages with the stored ones.
SELECT
    count(*) FILTER (message.recipient_id IS NULL) AS added,
    count(*) FILTER (staged_messages.recipient_id IS NULL) AS removed,
    count(*) FILTER (message.text <> staged_messages.text) AS rewritten
FROM staged_messages
FULL JOIN (SELECT recipient_id, text FROM message WHERE campaign_id = $campaign_id) AS message USING (recipient_id)

-- name: recap.windows
-- One row per window_key: the number of messages, most first.
SELECT window_key, count(*) AS message_count FROM message
WHERE campaign_id = $campaign_id GROUP BY window_key ORDER BY message_count DESC, window_key

-- name: recap.unsent
-- One row: messages, segments and price of the messages that will expire. $window_keys and $expiring_counts have the
-- same length: so many messages of each key. The cheapest are taken, so that the rest never costs more than its price
-- shows.
SELECT
    CAST(coalesce(sum(taken), 0) AS BIGINT) AS message_count,
    CAST(coalesce(sum(taken * segment_count), 0) AS BIGINT) AS segment_count,
    coalesce(sum(taken * price), 0) AS price
FROM (
    SELECT sized.segment_count, sized.price, greatest(0, least(
        sized.message_count, expiring.expiring_count - (sized.running_count - sized.message_count)
    )) AS taken
    FROM (
        SELECT
            window_key, segment_count, price, count(*) AS message_count,
            sum(count(*)) OVER (PARTITION BY window_key ORDER BY price, segment_count) AS running_count
        FROM message WHERE campaign_id = $campaign_id GROUP BY window_key, segment_count, price
    ) AS sized
    JOIN (
        SELECT
            unnest(CAST($window_keys AS VARCHAR[])) AS window_key,
            unnest(CAST($expiring_counts AS BIGINT[])) AS expiring_count
    ) AS expiring USING (window_key)
)

-- name: recap.encodings
-- One row per encoding and segment count: messages and their price.
SELECT encoding, segment_count, count(*) AS message_count, sum(price) AS price FROM message
WHERE campaign_id = $campaign_id GROUP BY encoding, segment_count ORDER BY encoding, segment_count

-- name: recap.previews
-- Real texts: the shortest, the longest, the most expensive, one to another territory than $home, and one with a
-- default value.
SELECT which, msisdn, text, segment_count, price, territory FROM (
    (SELECT 1 AS rank, 'shortest' AS which, * FROM message
     WHERE campaign_id = $campaign_id ORDER BY length(text), recipient_id LIMIT 1)
    UNION ALL
    (SELECT 2, 'longest', * FROM message
     WHERE campaign_id = $campaign_id ORDER BY length(text) DESC, recipient_id LIMIT 1)
    UNION ALL
    (SELECT 3, 'most expensive', * FROM message
     WHERE campaign_id = $campaign_id ORDER BY price DESC, length(text) DESC, recipient_id LIMIT 1)
    UNION ALL
    (SELECT 4, 'overseas', * FROM message
     WHERE campaign_id = $campaign_id AND territory <> $home ORDER BY recipient_id LIMIT 1)
    UNION ALL
    (SELECT 5, 'with defaults', * FROM message
     WHERE campaign_id = $campaign_id AND recipient_id = $defaulted_id)
) ORDER BY rank
