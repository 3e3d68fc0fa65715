-- Lists and their contacts.

-- name: list.find
-- The list of a name: at most one row. A deleted list is not found.
SELECT list_id, list_name, is_sample, created_at, legal_basis, wording, declared_by, declared_at, columns,
    header_row
FROM contact_list WHERE list_name = $list_name AND deleted_at IS NULL

-- name: list.names
-- The names of all lists, in order.
SELECT list_name FROM contact_list WHERE deleted_at IS NULL ORDER BY list_name

-- name: list.add
-- Add a list without contacts.
INSERT INTO contact_list (list_id, list_name, is_sample, created_at)
SELECT coalesce(max(list_id), 0) + 1, $list_name, false, $at FROM contact_list

-- name: list.mark_sample
-- Mark a list as sample data: its campaigns use the sandbox only.
UPDATE contact_list SET is_sample = true WHERE list_id = $list_id

-- name: list.declare
-- Record the legal basis of a list. $wording: the text that people agreed to.
UPDATE contact_list SET legal_basis = $legal_basis, wording = $wording, declared_by = $actor, declared_at = $at
WHERE list_id = $list_id

-- name: list.mark_deleted
-- Mark a list as deleted. Its name is free again.
UPDATE contact_list SET deleted_at = $at WHERE list_id = $list_id

-- name: list.overview
-- One row per list, with the counts of its contacts, opted-out contacts and import files.
SELECT
    contact_list.list_name,
    contact_list.is_sample,
    contact_list.legal_basis,
    contact_list.wording,
    coalesce(people.contact_count, 0) AS contact_count,
    coalesce(people.opted_out_count, 0) AS opted_out_count,
    coalesce(book.import_count, 0) AS import_count,
    book.last_import_at
FROM contact_list
LEFT JOIN (
    SELECT contact.list_id, count(*) AS contact_count, count(opt_out.opt_out_key) AS opted_out_count
    FROM contact LEFT JOIN opt_out ON opt_out.opt_out_key = opt_out_key(contact.number_id)
    GROUP BY contact.list_id
) AS people ON people.list_id = contact_list.list_id
LEFT JOIN (
    SELECT list_id, count(*) AS import_count, max(recorded_at) AS last_import_at
    FROM import_file WHERE undone_at IS NULL GROUP BY list_id
) AS book ON book.list_id = contact_list.list_id
WHERE contact_list.deleted_at IS NULL
ORDER BY contact_list.list_name

-- name: list.fields
-- One row per merge field of a list: the number of contacts that have it, most first.
SELECT field, count(*) AS filled_count
FROM (SELECT unnest(json_keys(fields)) AS field FROM contact WHERE list_id = $list_id) AS filled
GROUP BY field ORDER BY filled_count DESC, field

-- name: list.territories
-- One row per territory of a list: the number of contacts, most first.
SELECT territory, count(*) AS contact_count FROM contact WHERE list_id = $list_id
GROUP BY territory ORDER BY contact_count DESC, territory

-- name: list.all_territories
-- One row per territory of all lists: the number of contacts.
SELECT territory, count(*) AS contact_count FROM contact GROUP BY territory ORDER BY territory

-- name: list.imports
-- The ten newest import files of a list, also the undone ones.
SELECT
    import_id, file_name, row_count, accepted_count, updated_count, duplicate_count, rejected_count, recorded_at,
    replaces, undone_at, undone_by, undone_why
FROM import_file WHERE list_id = $list_id ORDER BY import_id DESC LIMIT 10

-- name: list.export
-- One row per contact of a list, in the order of import, with the row of the file it came from.
SELECT
    contact.msisdn,
    contact.territory,
    contact.fields,
    import_file.file_name AS source_file,
    contact.row_number AS source_row,
    opt_out.opt_out_key IS NOT NULL AS is_opted_out
FROM contact
JOIN import_file USING (import_id)
LEFT JOIN opt_out ON opt_out.opt_out_key = opt_out_key(contact.number_id)
WHERE contact.list_id = $list_id
ORDER BY contact.import_id, contact.row_number

-- name: list.live_imports
-- The numbers of the import files of a list that were not undone.
SELECT import_file.import_id FROM import_file JOIN contact_list USING (list_id)
WHERE contact_list.list_name = $list_name AND contact_list.deleted_at IS NULL AND import_file.undone_at IS NULL
ORDER BY import_file.import_id

-- name: list.column_maps
-- The column maps of the import files of a list, the oldest first.
SELECT column_map FROM import_file WHERE list_id = $list_id AND undone_at IS NULL ORDER BY import_id

-- name: list.remember_columns
-- Keep the column map that a person gave for the files of a list. $columns: JSON, from our field to the column of the
-- file.
UPDATE contact_list SET columns = $columns WHERE list_id = $list_id

-- name: list.remember_header_row
-- Keep the line of the header that a person gave for the files of a list, from 1.
UPDATE contact_list SET header_row = $header_row WHERE list_id = $list_id
