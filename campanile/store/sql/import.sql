-- Import files and the outcome of each of their rows.
-- In every file a line "-- staged_x: Frame" names the frame of schemas/ that a statement reads: its columns and types.

-- name: import.get
-- One import file by its key, with its list. list_id and list_name are NULL for a file of opt-outs.
SELECT
    import_file.import_id, import_file.kind, import_file.list_id, contact_list.list_name, import_file.file_name,
    import_file.undone_at, import_file.undone_by, import_file.undone_why
FROM import_file LEFT JOIN contact_list USING (list_id)
WHERE import_file.import_id = $import_id

-- name: import.latest
-- The five newest import files of lists that were not undone, for error messages.
SELECT import_file.import_id, import_file.file_name, contact_list.list_name
FROM import_file JOIN contact_list USING (list_id)
WHERE import_file.undone_at IS NULL
ORDER BY import_file.import_id DESC LIMIT 5

-- name: import.mark_undone
-- Mark one file as undone. $why: the reason, for the history.
UPDATE import_file SET undone_at = $at, undone_by = $actor, undone_why = $why WHERE import_id = $import_id

-- name: import.mark_list_undone
-- Mark all files of a list as undone. $why: the reason, for the history.
UPDATE import_file SET undone_at = $at, undone_by = $actor, undone_why = $why
WHERE list_id = $list_id AND undone_at IS NULL

-- name: import.forget_undone_rows
-- Delete the rows of undone files. The rejects stay: what a partner sent wrong is history.
DELETE FROM import_row WHERE import_id IN (
    SELECT import_id FROM import_file WHERE list_id = $list_id AND undone_at IS NOT NULL
)

-- name: import.find_same_bytes
-- The first file with the same bytes that was read in the same way: at most one row. The column map, region, sheet,
-- encoding and read options must be equal. Undone files do not count.
SELECT import_id, file_name, recorded_at FROM import_file
WHERE sha256 = $sha256 AND kind = $kind AND list_id IS NOT DISTINCT FROM $list_id AND undone_at IS NULL
    AND sheet IS NOT DISTINCT FROM $sheet AND encoding IS NOT DISTINCT FROM $encoding
    AND column_map = $column_map AND region = $region
    AND read_options IS NOT DISTINCT FROM $read_options
ORDER BY import_id LIMIT 1

-- name: import.next_id
-- The number of the next import file.
SELECT coalesce(max(import_id), 0) + 1 FROM import_file

-- name: import.count_broken
-- staged_rows: ContactRows
-- staged_rejected: RejectedRows
-- The last check before anything is written. One row per defect: the number of broken rows. $row_count: the data rows
-- of the file. Returns no row when all is well.
SELECT broken, row_count
FROM (
    SELECT
        unnest(['row number twice', 'row number below 1', 'number out of range', 'territory empty',
            'fields no JSON object']) AS broken,
        unnest([
            count(*) - count(DISTINCT row_number),
            count(*) FILTER (row_number < 1),
            count(*) FILTER (coalesce(number_id, 0) NOT BETWEEN 1000000 AND 999999999999999),
            count(*) FILTER (coalesce(territory, '') = ''),
            count(*) FILTER (NOT coalesce(json_valid(fields) AND starts_with(fields, '{'), false))
        ]) AS row_count
    FROM staged_rows
    UNION ALL
    SELECT
        unnest(['rejected row number twice', 'rejected row number below 1', 'reason empty', 'raw line missing',
            'row both valid and rejected']),
        unnest([
            count(*) - count(DISTINCT row_number),
            count(*) FILTER (row_number < 1),
            count(*) FILTER (coalesce(reason, '') = ''),
            count(*) FILTER (raw_line IS NULL),
            count(*) FILTER (row_number IN (SELECT row_number FROM staged_rows))
        ])
    FROM staged_rejected
    UNION ALL
    SELECT
        'row missing or too many',
        abs((SELECT count(*) FROM staged_rows) + (SELECT count(*) FROM staged_rejected) - $row_count)
) AS wall
WHERE row_count > 0

-- name: import.stage_twice
-- staged_rows: ContactRows
-- Numbers that appear in the file more than once. Grain and key: number_id.
CREATE OR REPLACE TEMP TABLE staged_twice AS
SELECT number_id, min(row_number) AS first_row FROM staged_rows GROUP BY number_id HAVING count(*) > 1

-- name: import.stage_once
-- staged_rows: ContactRows
-- staged_twice: RepeatedNumbers
-- Known people for whom the file has one row with new values, and their fields after it. Grain and key: number_id.
CREATE OR REPLACE TEMP TABLE staged_once AS
SELECT
    number_id,
    row_number,
    CAST(to_json(map_from_entries(list_sort(list_zip(json_keys(fields), fields ->> '$.*')))) AS VARCHAR) AS fields
FROM (
    SELECT
        staged_rows.number_id, staged_rows.row_number, json_merge_patch(contact.fields, staged_rows.fields) AS fields
    FROM staged_rows
    JOIN contact ON contact.list_id = $list_id AND contact.number_id = staged_rows.number_id
    WHERE staged_rows.fields <> contact.fields
        AND NOT json_contains(contact.fields, staged_rows.fields)
        AND staged_rows.number_id NOT IN (SELECT number_id FROM staged_twice)
) AS overlaid

-- name: import.stage_steps
-- staged_rows: ContactRows
-- staged_twice: RepeatedNumbers
-- People for whom the file has several rows: each value that was new, in the order of the rows. Key: (number_id,
-- row_number, field). Row 0 has the values that were known before the file.
CREATE OR REPLACE TEMP TABLE staged_steps AS
WITH moving AS (
    SELECT staged_rows.number_id
    FROM staged_rows
    JOIN staged_twice USING (number_id)
    LEFT JOIN contact ON contact.list_id = $list_id AND contact.number_id = staged_rows.number_id
    GROUP BY staged_rows.number_id
    HAVING min(staged_rows.fields) <> max(staged_rows.fields)
        OR min(staged_rows.fields) <> any_value(contact.fields)
),
timeline AS (
    SELECT number_id, 0 AS row_number, unnest(json_keys(fields)) AS field, unnest(fields ->> '$.*') AS value
    FROM contact WHERE list_id = $list_id AND number_id IN (SELECT number_id FROM moving)
    UNION ALL
    SELECT number_id, row_number, unnest(json_keys(fields)), unnest(fields ->> '$.*')
    FROM staged_rows WHERE number_id IN (SELECT number_id FROM moving)
)
SELECT number_id, row_number, field, value FROM timeline
QUALIFY value IS DISTINCT FROM lag(value) OVER (PARTITION BY number_id, field ORDER BY row_number)

-- name: import.keep_rows
-- staged_rows: ContactRows
-- staged_twice: RepeatedNumbers
-- staged_once: MergedContacts
-- staged_steps: FieldSteps
-- Record the outcome of each valid row, in order. The first row of a new number is accepted. A later row is updated if
-- a filled field differs from what is known: an empty cell is not in fields, so it never erases a value. Any other row
-- is a duplicate.
-- of_import_id and of_row_number name the row that brought the person.
INSERT INTO import_row
    (import_id, row_number, number_id, territory, fields, fate, of_import_id, of_row_number)
SELECT
    $import_id,
    staged_rows.row_number,
    staged_rows.number_id,
    staged_rows.territory,
    staged_rows.fields,
    CASE
        WHEN contact.number_id IS NULL AND staged_rows.row_number = coalesce(twice.first_row, staged_rows.row_number)
            THEN 'accepted'
        WHEN news.row_number IS NOT NULL THEN 'updated'
        ELSE 'duplicate'
    END,
    CASE
        WHEN contact.number_id IS NOT NULL THEN contact.import_id
        WHEN staged_rows.row_number > twice.first_row THEN $import_id
    END,
    CASE
        WHEN contact.number_id IS NOT NULL THEN contact.row_number
        WHEN staged_rows.row_number > twice.first_row THEN twice.first_row
    END
FROM staged_rows
LEFT JOIN contact ON contact.list_id = $list_id AND contact.number_id = staged_rows.number_id
LEFT JOIN staged_twice AS twice ON twice.number_id = staged_rows.number_id
LEFT JOIN (
    SELECT row_number FROM staged_once UNION SELECT row_number FROM staged_steps
) AS news ON news.row_number = staged_rows.row_number

-- name: import.stage_folded
-- staged_once: MergedContacts
-- staged_steps: FieldSteps
-- The people with new values as they are after the file. Grain and key: number_id. The newest value of each field wins.
CREATE OR REPLACE TEMP TABLE staged_folded AS
WITH newest AS (
    SELECT number_id, field, arg_max(value, row_number) AS value FROM staged_steps GROUP BY number_id, field
)
SELECT number_id, CAST(to_json(map(list(field ORDER BY field), list(value ORDER BY field))) AS VARCHAR) AS fields
FROM newest GROUP BY number_id
UNION ALL
SELECT number_id, fields FROM staged_once

-- name: import.add_contacts
-- staged_folded: FoldedContacts
-- Add a contact for each accepted row.
INSERT INTO contact (list_id, number_id, msisdn, territory, fields, import_id, row_number, updated_at)
SELECT
    $list_id,
    import_row.number_id,
    '+' || import_row.number_id,
    import_row.territory,
    coalesce(staged_folded.fields, import_row.fields),
    import_row.import_id,
    import_row.row_number,
    $at
FROM import_row LEFT JOIN staged_folded USING (number_id)
WHERE import_row.import_id = $import_id AND import_row.fate = 'accepted'

-- name: import.update_contacts
-- staged_folded: FoldedContacts
-- Write the new fields of contacts. Their origin stays the row that brought the person.
UPDATE contact SET fields = staged_folded.fields, updated_at = $at
FROM staged_folded
WHERE contact.list_id = $list_id
    AND contact.number_id = staged_folded.number_id
    AND contact.fields <> staged_folded.fields

-- name: import.add_file
-- Add an import file with the counts of its rows. known_count: rows whose person was known before the file.
INSERT INTO import_file (
    import_id, kind, list_id, file_name, sha256, size_bytes, encoding, delimiter, sheet, column_map, region,
    read_options, is_sample, row_count, accepted_count, updated_count, duplicate_count, rejected_count, known_count,
    replaces, recorded_at
) VALUES (
    $import_id, $kind, $list_id, $file_name, $sha256, $size_bytes, $encoding, $delimiter, $sheet, $column_map, $region,
    $read_options, $is_sample, $row_count, $accepted_count, $updated_count, $duplicate_count, $rejected_count,
    $known_count, $replaces, $at
)

-- name: import.add_rejects
-- staged_rejected: RejectedRows
-- Add the rejected rows of a file. Key: (import_id, row_number).
INSERT INTO import_row_reject (import_id, row_number, reason, raw_line)
SELECT $import_id, row_number, reason, raw_line FROM staged_rejected

-- name: import.count_fates
-- One row per outcome of a file's rows.
SELECT fate, count(*) AS row_count FROM import_row WHERE import_id = $import_id GROUP BY fate

-- name: import.count_known
-- The number of rows of a file whose person an earlier file brought.
SELECT count(*) FROM import_row WHERE import_id = $import_id AND of_import_id <> $import_id

-- name: import.reject_reasons
-- One row per reason of a file's rejects, the most frequent first.
SELECT reason, count(*) AS row_count FROM import_row_reject WHERE import_id = $import_id
GROUP BY reason ORDER BY row_count DESC, reason

-- name: import.count_opted_out
-- The number of people of a file who are opted out.
SELECT count(*) FROM opt_out
WHERE opt_out_key IN (SELECT opt_out_key(number_id) FROM import_row WHERE import_id = $import_id)

-- name: import.top_territories
-- The eight territories with the most rows of a file.
SELECT territory, count(*) AS row_count FROM import_row WHERE import_id = $import_id
GROUP BY territory ORDER BY row_count DESC, territory LIMIT 8

-- name: import.duplicate_examples
-- The first three duplicates of a file, each with the row that it repeats.
SELECT import_row.row_number, first_file.file_name, import_row.of_row_number
FROM import_row JOIN import_file AS first_file ON first_file.import_id = import_row.of_import_id
WHERE import_row.import_id = $import_id AND import_row.fate = 'duplicate'
ORDER BY import_row.row_number LIMIT 3
