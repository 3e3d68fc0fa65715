-- Predictions of recaps, and what became of past campaigns. Key: (campaign_id, version, quantity).

-- name: prediction.forget
-- Delete predictions of a version. $quantities: which ones.
DELETE FROM prediction
WHERE campaign_id = $campaign_id AND version = $version AND list_contains($quantities, quantity)

-- name: prediction.add
-- Add predictions of a version. The lists have the same length; position n of each makes row n.
INSERT INTO prediction
SELECT $campaign_id, $version, quantity, low, median, high, planned, past_count, $starts_at, $at
FROM (
    SELECT
        unnest($quantities) AS quantity,
        unnest($lows) AS low,
        unnest($medians) AS median,
        unnest($highs) AS high,
        unnest($planned) AS planned,
        unnest($past_counts) AS past_count
)

-- name: prediction.list
-- The predictions of a version, one row per quantity.
SELECT quantity, low, median, high, planned, past_count, starts_at FROM prediction
WHERE campaign_id = $campaign_id AND version = $version ORDER BY quantity

-- name: prediction.staged
-- staged_messages: PricedMessages
-- The staged messages by territory: one row per territory. price: of all of them.
SELECT territory, count(*) AS message_count, sum(price) AS price FROM staged_messages GROUP BY territory ORDER BY territory

-- name: prediction.past_campaigns
-- The newest finished campaigns of a kind, at most $most. Those that were stopped say little, and those of the sandbox
-- say nothing of a real gateway.
SELECT campaign_id FROM campaign
WHERE kind = $kind AND state = 'finished' AND NOT is_stopped AND (gateway = 'sandbox') = ($gateway = 'sandbox')
ORDER BY campaign_id DESC LIMIT $most

-- name: prediction.outcomes
-- One row per campaign of $campaign_ids and territory, of those with an accepted message: what became of its messages until
-- $settle_seconds after the last acceptance. Expired messages do not count. Key: (campaign_id, territory).
WITH got AS (
    SELECT
        campaign_id, recipient_id,
        arg_max(event, event_id) AS state,
        min(recorded_at) FILTER (event = 'accepted') AS accepted_at,
        max(recorded_at) FILTER (event = 'delivered') AS delivered_at
    FROM message_event WHERE list_contains(CAST($campaign_ids AS BIGINT[]), campaign_id)
    GROUP BY campaign_id, recipient_id
),
counted AS (
    SELECT campaign_id, max(accepted_at) + to_seconds(CAST($settle_seconds AS DOUBLE)) AS until_at
    FROM got WHERE state IN ('accepted', 'delivered', 'undelivered') GROUP BY campaign_id
)
SELECT
    message.campaign_id,
    message.territory,
    count(*) AS message_count,
    count(*) FILTER (got.state IN ('accepted', 'delivered', 'undelivered')) AS accepted_count,
    count(*) FILTER (got.state = 'delivered' AND got.delivered_at <= counted.until_at) AS delivered_count,
    count(stopped.opt_out_key) FILTER (got.state IN ('accepted', 'delivered', 'undelivered')) AS opted_out_count,
    count(replied.number_id) FILTER (got.state IN ('accepted', 'delivered', 'undelivered')) AS replied_count,
    CAST(coalesce(sum(replied.answered_count), 0) AS BIGINT) AS answered_count
FROM message
JOIN counted USING (campaign_id)
LEFT JOIN got USING (campaign_id, recipient_id)
LEFT JOIN (
    SELECT DISTINCT stop.campaign_id, stop.opt_out_key
    FROM opt_out_of_campaign AS stop JOIN counted USING (campaign_id)
    WHERE stop.recorded_at <= counted.until_at
) AS stopped ON stopped.campaign_id = message.campaign_id AND stopped.opt_out_key = opt_out_key(message.number_id)
LEFT JOIN (
    SELECT
        reply.campaign_id, reply.number_id,
        count(*) FILTER (reply.verdict IN ('other', 'start', 'help')) AS answered_count
    FROM reply JOIN counted USING (campaign_id)
    WHERE reply.verdict <> 'auto_reply' AND reply.counts_at <= counted.until_at
    GROUP BY reply.campaign_id, reply.number_id
) AS replied ON replied.campaign_id = message.campaign_id AND replied.number_id = message.number_id
WHERE coalesce(got.state, 'planned') <> 'expired'
GROUP BY message.campaign_id, message.territory
ORDER BY message.campaign_id, message.territory

-- name: prediction.courses
-- One row per campaign of $campaign_ids with an accepted message: when it was planned to begin, how many seconds it was
-- planned to take (NULL: made before that was stored), when its last message was accepted, and the price of the accepted
-- messages by the recap and as charged. Key: campaign_id.
WITH got AS (
    SELECT
        campaign_id, recipient_id,
        arg_max(event, event_id) AS state,
        min(recorded_at) FILTER (event = 'accepted') AS accepted_at
    FROM message_event WHERE list_contains(CAST($campaign_ids AS BIGINT[]), campaign_id)
    GROUP BY campaign_id, recipient_id
)
SELECT
    campaign.campaign_id,
    any_value(prediction.starts_at) AS starts_at,
    any_value(prediction.planned) AS planned_seconds,
    max(got.accepted_at) AS accepted_until,
    sum(message.price) AS captured,
    sum(coalesce(message_charge.amount, message.price)) AS charged
FROM got
JOIN message USING (campaign_id, recipient_id)
JOIN campaign USING (campaign_id)
LEFT JOIN message_charge USING (campaign_id, recipient_id)
LEFT JOIN prediction
    ON prediction.campaign_id = campaign.campaign_id
    AND prediction.version = campaign.version
    AND prediction.quantity = 'duration'
WHERE got.state IN ('accepted', 'delivered', 'undelivered')
GROUP BY campaign.campaign_id
ORDER BY campaign.campaign_id
