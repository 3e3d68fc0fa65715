-- Credit entries: reserve, capture, release, adjust.

-- name: credit.add
-- Add one entry per slice and kind. The three lists have the same length; position n of each makes entry n.
INSERT INTO credit_entry
SELECT latest.entry_id + position, $gateway, $campaign_id, slice_no, kind, amount, $at
FROM (SELECT coalesce(max(entry_id), 0) AS entry_id FROM credit_entry) AS latest, (
    SELECT
        unnest(range(1, len($kinds) + 1)) AS position,
        unnest($slice_nos) AS slice_no,
        unnest($kinds) AS kind,
        unnest($amounts) AS amount
)

-- name: credit.captured
-- The captured credit of a gateway, with the adjustments.
SELECT coalesce(sum(amount), 0) FROM credit_entry WHERE gateway = $gateway AND kind IN ('capture', 'adjust')

-- name: credit.available
-- The credit that can be committed: the last reading, minus what was captured and adjusted since, minus open reserves.
-- A capture appears in both with opposite signs, so it cancels out. No row without a reading.
SELECT
    amount + captured_before - (
        SELECT coalesce(sum(CASE kind WHEN 'release' THEN -amount WHEN 'capture' THEN 0 ELSE amount END), 0)
        FROM credit_entry WHERE gateway = $gateway
    ) AS available,
    unit,
    amount AS balance
FROM balance_reading WHERE gateway = $gateway
ORDER BY reading_id DESC LIMIT 1
