-- Numbers that get no messages: opt-outs and dead numbers.

-- name: number.barred
-- One row per opt-out entry and per dead number among $number_ids: a number may have several rows.
WITH asked AS (SELECT unnest($number_ids) AS number_id)
SELECT asked.number_id, true AS is_opted_out
FROM asked JOIN opt_out_entry AS entry ON entry.opt_out_key = opt_out_key(asked.number_id) -- guard: keyed-claim
WHERE entry.lifted_at IS NULL
UNION ALL
SELECT number_id, false FROM dead_number SEMI JOIN asked USING (number_id)
