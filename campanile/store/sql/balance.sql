-- Balance readings of gateways.

-- name: balance.latest
-- The last reading of a gateway: at most one row. captured_before: the credit that was captured when it was read.
-- reserved_before: the open reserves then.
SELECT amount, unit, captured_before, coalesce(reserved_before, 0) AS reserved_before, read_at
FROM balance_reading WHERE gateway = $gateway ORDER BY reading_id DESC LIMIT 1

-- name: balance.drift
-- How much the balance fell since the base reading, and which part of that is ours: captured, or reserved and perhaps
-- billed already. The base is the last reading that was higher than the one before it or that shows a top-up, or the
-- first reading. reserved_at_base: reserves of that time, perhaps billed before it. refunded: since it. No row without
-- a reading.
WITH reading AS (
    SELECT
        reading_id, amount, unit, captured_before, reserved_before, read_at, topped_up,
        lag(amount) OVER (ORDER BY reading_id) AS amount_before
    FROM balance_reading WHERE gateway = $gateway
),
ledger AS (
    SELECT
        coalesce(sum(amount) FILTER (kind IN ('capture', 'adjust')), 0) AS captured,
        coalesce(
            sum(CASE kind WHEN 'reserve' THEN amount WHEN 'release' THEN -amount WHEN 'capture' THEN -amount END), 0
        ) AS reserved
    FROM credit_entry WHERE gateway = $gateway
)
SELECT
    base.amount - (SELECT arg_max(amount, reading_id) FROM reading) AS fell,
    ledger.captured - base.captured_before AS captured,
    ledger.reserved,
    base.unit,
    base.read_at AS since,
    coalesce(base.reserved_before, 0) AS reserved_at_base,
    (
        SELECT coalesce(sum(amount), 0) FROM credit_entry
        WHERE gateway = $gateway AND kind = 'refund' AND recorded_at >= base.read_at
    ) AS refunded,
    base.reading_id
FROM reading AS base, ledger
WHERE base.amount_before IS NULL OR base.amount > base.amount_before OR base.topped_up > 0
ORDER BY base.reading_id DESC LIMIT 1

-- name: balance.add
-- Add a reading. $captured_before, $reserved_before: the captured credit and the open reserves when it was requested.
-- $topped_up: by how much it is higher than the ledger explains, or NULL.
INSERT INTO balance_reading
SELECT
    coalesce(max(reading_id), 0) + 1, $gateway, $amount, $unit, $captured_before, $at, $reserved_before, $topped_up
FROM balance_reading

-- name: balance.refunded_since
-- The refunds of a gateway that were recorded since a reading.
SELECT coalesce(sum(amount), 0) FROM credit_entry
WHERE gateway = $gateway AND kind = 'refund' AND recorded_at >= $since

-- name: balance.open_loads
-- What approved campaigns of a gateway still have to send: one row per campaign and window_key with planned slices, in the
-- order of the queue.
SELECT
    campaign.campaign_id,
    slice.window_key,
    CAST(sum(slice.message_count) AS BIGINT) AS message_count,
    CAST(sum(slice.segment_count) AS BIGINT) AS segment_count,
    sum(slice.price) AS price,
    any_value(slice.not_before) AS not_before
FROM slice JOIN campaign USING (campaign_id)
WHERE slice.state = 'planned'
    AND campaign.gateway = $gateway
    AND campaign.kind IN ('marketing', 'alert')
    AND campaign.state IN ('approved', 'sending', 'parked', 'paused')
GROUP BY campaign.campaign_id, slice.window_key
ORDER BY campaign.campaign_id, min(slice.slice_no)

-- name: balance.spent
-- What was captured on a gateway since $since, by day on the clock of $zone and by its half: is_morning is before noon. One
-- row per half day with spending.
SELECT
    CAST(recorded_at AT TIME ZONE $zone AS DATE) AS day,
    hour(recorded_at AT TIME ZONE $zone) < 12 AS is_morning,
    sum(amount) AS amount
FROM credit_entry
WHERE gateway = $gateway AND kind IN ('capture', 'adjust') AND recorded_at >= $since
GROUP BY ALL ORDER BY day, is_morning DESC

-- name: balance.spending_since
-- When the first credit of a gateway was captured; NULL: none was.
SELECT min(recorded_at) FROM credit_entry WHERE gateway = $gateway AND kind = 'capture'
