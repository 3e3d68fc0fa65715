-- Balance readings of gateways.

-- name: balance.latest
-- The last reading of a gateway: at most one row. captured_before: the credit that was captured when it was read.
SELECT amount, unit, captured_before FROM balance_reading WHERE gateway = $gateway ORDER BY reading_id DESC LIMIT 1

-- name: balance.drift
-- How much the balance fell since the base reading, and which part of that is ours: captured, or reserved and perhaps
-- billed already. The base is the last reading that was higher than the one before it (a top-up), or the first reading.
-- No row without a reading.
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

-- name: balance.add
-- Add a reading. $captured_before: the credit that was captured at that moment.
INSERT INTO balance_reading
SELECT coalesce(max(reading_id), 0) + 1, $gateway, $amount, $unit, $captured_before, $at FROM balance_reading
