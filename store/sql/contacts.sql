-- Lists, their contacts, and the files they came from.
-- A line "-- staged_x: column TYPE, …" names the frame a statement reads, for the check at start.

-- name: list.find
SELECT list_id, list_name, is_sample, created_at FROM contact_list WHERE list_name = $list_name

-- name: list.names
SELECT list_name FROM contact_list ORDER BY list_name

-- name: list.add
INSERT INTO contact_list
SELECT coalesce(max(list_id), 0) + 1, $list_name, false, $at FROM contact_list

-- name: list.mark_sample
UPDATE contact_list SET is_sample = true WHERE list_id = $list_id

-- name: import.find_same_bytes
SELECT import_id, file_name, recorded_at FROM import_file
WHERE sha256 = $sha256 AND kind = $kind AND list_id IS NOT DISTINCT FROM $list_id
    AND sheet IS NOT DISTINCT FROM $sheet AND encoding IS NOT DISTINCT FROM $encoding
    AND column_map = $column_map AND region = $region
ORDER BY import_id LIMIT 1

-- name: import.next_id
SELECT coalesce(max(import_id), 0) + 1 FROM import_file

-- name: import.stage_fates
-- staged_rows: row_number BIGINT, number_id BIGINT, fields VARCHAR
-- Rows are taken in order: the first time a number is seen it is accepted; later, a filled field that differs from
-- what is known makes it updated (an empty cell is not in `fields`, so it never erases), anything else a duplicate.
CREATE OR REPLACE TEMP TABLE staged_fates AS
WITH timeline AS (
    SELECT contact.number_id, 0 AS row_number, known.key AS field, known.value ->> '$' AS value
    FROM contact, json_each(contact.fields) AS known
    WHERE contact.list_id = $list_id AND contact.number_id IN (SELECT number_id FROM staged_rows)
    UNION ALL
    SELECT staged_rows.number_id, staged_rows.row_number, given.key, given.value ->> '$'
    FROM staged_rows, json_each(staged_rows.fields) AS given
),
step AS (
    SELECT
        number_id,
        row_number,
        value IS DISTINCT FROM
            lag(value) OVER (PARTITION BY number_id, field ORDER BY row_number) AS is_new
    FROM timeline
),
change AS (
    SELECT number_id, row_number, bool_or(is_new) AS has_news FROM step GROUP BY number_id, row_number
)
SELECT
    staged_rows.row_number,
    staged_rows.number_id,
    CASE
        WHEN contact.number_id IS NULL
            AND staged_rows.row_number = min(staged_rows.row_number) OVER (PARTITION BY staged_rows.number_id)
            THEN 'accepted'
        WHEN coalesce(change.has_news, false) THEN 'updated'
        ELSE 'duplicate'
    END AS fate
FROM staged_rows
LEFT JOIN contact ON contact.list_id = $list_id AND contact.number_id = staged_rows.number_id
LEFT JOIN change
    ON change.number_id = staged_rows.number_id AND change.row_number = staged_rows.row_number

-- name: import.count_fates
-- staged_fates: row_number BIGINT, number_id BIGINT, fate VARCHAR
SELECT fate, count(*) AS row_count FROM staged_fates GROUP BY fate

-- name: import.merge_contacts
-- staged_rows: row_number BIGINT, number_id BIGINT, msisdn VARCHAR, territory VARCHAR, fields VARCHAR
-- staged_fates: row_number BIGINT, number_id BIGINT, fate VARCHAR
-- The newest value of each field wins; the origin stays the row that brought the person.
INSERT INTO contact (list_id, number_id, msisdn, territory, fields, import_id, row_number, updated_at)
WITH value_seen AS (
    SELECT contact.number_id, 0 AS row_number, known.key AS field, known.value ->> '$' AS value
    FROM contact, json_each(contact.fields) AS known
    WHERE contact.list_id = $list_id AND contact.number_id IN (SELECT number_id FROM staged_rows)
    UNION ALL
    SELECT staged_rows.number_id, staged_rows.row_number, given.key, given.value ->> '$'
    FROM staged_rows, json_each(staged_rows.fields) AS given
),
newest AS (
    SELECT number_id, field, arg_max(value, row_number) AS value FROM value_seen GROUP BY number_id, field
),
merged AS (
    SELECT number_id, to_json(map(list(field ORDER BY field), list(value ORDER BY field))) AS fields FROM newest GROUP BY number_id
),
first_row AS (
    SELECT
        number_id,
        any_value(msisdn) AS msisdn,
        any_value(territory) AS territory,
        min(row_number) AS row_number
    FROM staged_rows
    WHERE number_id IN (SELECT number_id FROM staged_fates WHERE fate <> 'duplicate')
    GROUP BY number_id
)
SELECT
    $list_id,
    first_row.number_id,
    first_row.msisdn,
    first_row.territory,
    coalesce(merged.fields, '{}'),
    $import_id,
    first_row.row_number,
    $at
FROM first_row
LEFT JOIN merged USING (number_id)
ON CONFLICT (list_id, number_id) DO UPDATE SET fields = excluded.fields, updated_at = excluded.updated_at

-- name: import.add_file
INSERT INTO import_file (
    import_id, kind, list_id, file_name, sha256, size_bytes, encoding, delimiter, sheet, column_map, region,
    is_sample, row_count, accepted_count, updated_count, duplicate_count, rejected_count, recorded_at
) VALUES (
    $import_id, $kind, $list_id, $file_name, $sha256, $size_bytes, $encoding, $delimiter, $sheet, $column_map, $region,
    $is_sample, $row_count, $accepted_count, $updated_count, $duplicate_count, $rejected_count, $at
)

-- name: import.add_rejects
-- staged_rows: import_id BIGINT, row_number BIGINT, reason VARCHAR, raw_line VARCHAR
INSERT INTO import_row_reject BY NAME SELECT import_id, row_number, reason, raw_line FROM staged_rows

-- name: import.reject_reasons
SELECT reason, count(*) AS row_count FROM import_row_reject WHERE import_id = $import_id
GROUP BY reason ORDER BY row_count DESC, reason

-- name: import.count_opted_out
SELECT count(*) FROM contact JOIN opt_out USING (number_id) WHERE contact.import_id = $import_id

-- name: import.top_territories
SELECT territory, count(*) AS contact_count FROM contact WHERE list_id = $list_id
GROUP BY territory ORDER BY contact_count DESC, territory LIMIT 8

-- name: opt_out.add
-- staged_rows: number_id BIGINT, msisdn VARCHAR, source VARCHAR, source_ref VARCHAR
-- The first STOP of a person is the proof that counts.
INSERT INTO opt_out (number_id, msisdn, source, source_ref, recorded_at)
SELECT number_id, any_value(msisdn), any_value(source), any_value(source_ref), $at FROM staged_rows GROUP BY number_id
ON CONFLICT DO NOTHING

-- name: opt_out.count
SELECT count(*) FROM opt_out

-- name: dead_number.add
-- staged_rows: number_id BIGINT, msisdn VARCHAR, reason VARCHAR
INSERT INTO dead_number (number_id, msisdn, reason, recorded_at)
SELECT number_id, any_value(msisdn), any_value(reason), $at FROM staged_rows GROUP BY number_id
ON CONFLICT DO NOTHING
