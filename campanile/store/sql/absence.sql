-- Numbers that were absent when last tried: how often in a row, since when and until when. Key: number_id.

-- name: absence.of
-- staged_rows: NumberIds
-- The absences in a row of the staged numbers. Grain and key: number_id.
SELECT number_id, absence_count, first_at FROM absence SEMI JOIN staged_rows USING (number_id)

-- name: absence.put
-- staged_rows: Absences
-- Write the absences in a row of numbers. Grain and key: number_id.
INSERT INTO absence SELECT number_id, absence_count, first_at, $at FROM staged_rows
ON CONFLICT (number_id) DO UPDATE SET
    absence_count = excluded.absence_count, first_at = excluded.first_at, last_at = excluded.last_at

-- name: absence.forget
-- staged_rows: NumberIds
-- End the row of absences of numbers that were reached, that wrote, or that are dead.
DELETE FROM absence WHERE number_id IN (SELECT number_id FROM staged_rows)
