-- Numbers that do not exist any more.

-- name: dead_number.add
-- staged_rows: DeadNumbers
-- Record dead numbers. Grain and key: number_id; the first record stays.
INSERT INTO dead_number (number_id, msisdn, reason, recorded_at)
SELECT number_id, any_value(msisdn), any_value(reason), $at FROM staged_rows GROUP BY number_id
ON CONFLICT DO NOTHING
