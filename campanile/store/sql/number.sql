-- What bars a number: opt-outs and dead numbers.

-- name: number.barred
-- Who of them opted out, and who does not exist; a number may be both.
WITH asked AS (SELECT unnest($number_ids) AS number_id)
SELECT number_id, true AS is_opted_out FROM opt_out_entry SEMI JOIN asked USING (number_id) WHERE lifted_at IS NULL
UNION ALL
SELECT number_id, false FROM dead_number SEMI JOIN asked USING (number_id)
