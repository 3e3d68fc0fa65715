-- Credit entries: reserve, capture, release, adjust; and of a whole gateway: topup, refund.

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

-- name: credit.add_to_gateway
-- Add a top-up or a refund.
INSERT INTO credit_entry
SELECT coalesce(max(entry_id), 0) + 1, $gateway, NULL, NULL, $kind, $amount, $at FROM credit_entry

-- name: credit.sums
-- One row: the captured credit of a gateway with the adjustments, and its open reserves.
SELECT
    coalesce(sum(amount) FILTER (kind IN ('capture', 'adjust')), 0) AS captured,
    coalesce(sum(CASE kind WHEN 'reserve' THEN amount WHEN 'release' THEN -amount WHEN 'capture' THEN -amount END), 0)
        AS reserved
FROM credit_entry WHERE gateway = $gateway

-- name: credit.captured_since
-- The captured credit of a gateway since $began_at, with the adjustments.
SELECT coalesce(sum(amount), 0) FROM credit_entry
WHERE gateway = $gateway AND kind IN ('capture', 'adjust') AND recorded_at >= $began_at

-- name: credit.captured
-- The captured credit of a gateway, with the adjustments.
SELECT coalesce(sum(amount), 0) FROM credit_entry WHERE gateway = $gateway AND kind IN ('capture', 'adjust')

-- name: credit.position
-- The money of a gateway: the one statement by which recaps, approvals, claims and pages count. No row without reading.
-- available: the last reading, minus what was captured and adjusted since, minus open reserves. committed: the price of
-- the planned slices of approved campaigns; committed_to_alerts: those of them that an emergency may not use.
-- spent_today: captured and adjusted since $day_began_at, and open reserves. Claims run it, so it reads no message.
SELECT
    reading.amount AS balance,
    reading.amount + reading.captured_before - ledger.captured - ledger.reserved AS available,
    needed.committed,
    needed.committed_to_alerts,
    reading.unit,
    ledger.reserved,
    CAST(0 AS DECIMAL(18, 6)) AS expected_answers, -- credit.expected_answers, where they matter
    ledger.captured_today + ledger.reserved AS spent_today
FROM (
    SELECT
        arg_max(amount, reading_id) AS amount,
        arg_max(unit, reading_id) AS unit,
        arg_max(captured_before, reading_id) AS captured_before
    FROM balance_reading WHERE gateway = $gateway
) AS reading,
(
    SELECT
        coalesce(sum(amount) FILTER (kind IN ('capture', 'adjust')), 0) AS captured,
        coalesce(sum(amount) FILTER (kind IN ('capture', 'adjust') AND recorded_at >= $day_began_at), 0)
            AS captured_today,
        coalesce(
            sum(CASE kind WHEN 'reserve' THEN amount WHEN 'release' THEN -amount WHEN 'capture' THEN -amount END), 0
        ) AS reserved
    FROM credit_entry WHERE gateway = $gateway
) AS ledger,
(
    SELECT
        coalesce(sum(slice.price), 0) AS committed,
        coalesce(sum(slice.price) FILTER (campaign.kind <> 'marketing'), 0) AS committed_to_alerts
    FROM slice JOIN campaign USING (campaign_id)
    WHERE slice.state = 'planned'
        AND campaign.gateway = $gateway
        AND campaign.state IN ('approved', 'sending', 'parked', 'paused')
) AS needed
WHERE reading.amount IS NOT NULL

-- name: credit.expected_answers
-- The price of the automatic answers that are expected on a gateway: to the people of approved campaigns and to those
-- written to since $answers_since, if their sender is a number, less the answers given since or planned. $reply_share:
-- replies a message. $answer_price: of one answer.
SELECT CAST(
    greatest(0, ceil($reply_share * coalesce(sum(asked_count) FILTER (kind <> 'auto_reply'), 0))
        - coalesce(sum(asked_count) FILTER (kind = 'auto_reply'), 0)) AS DECIMAL(18, 0)
) * CAST($answer_price AS DECIMAL(18, 6)) AS price
FROM (
    SELECT campaign.kind, slice.message_count AS asked_count
    FROM slice JOIN campaign USING (campaign_id)
    WHERE campaign.gateway = $gateway AND (
        (slice.state <> 'planned' AND slice.claimed_at >= $answers_since)
        OR (slice.state = 'planned' AND campaign.state IN ('approved', 'sending', 'parked', 'paused'))
    ) AND (campaign.kind = 'auto_reply'
        OR (campaign.kind IN ('marketing', 'alert') AND regexp_full_match(campaign.sender_id, '[0-9]+')))
)
