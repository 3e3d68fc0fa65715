-- Numbers that get no messages: opt-outs and dead numbers.

-- name: number.barred
-- One row per opt-out entry and per dead number among $number_ids: a number may have several rows.
WITH asked AS (SELECT unnest($number_ids) AS number_id)
SELECT number_id, true AS is_opted_out FROM opt_out_entry SEMI JOIN asked USING (number_id) WHERE lifted_at IS NULL
UNION ALL
SELECT number_id, false FROM dead_number SEMI JOIN asked USING (number_id)
