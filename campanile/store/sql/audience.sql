-- What a recap was made of, so that a later change of the lists is detected.

-- name: audience.has_field
-- One row if a contact of the lists has a field, else none. $pointer: the JSON pointer of the field.
SELECT true FROM contact
WHERE list_contains($list_ids, list_id) AND json_exists(fields, $pointer) LIMIT 1

-- name: audience.field_names
-- One row per merge field that a contact of the lists has.
SELECT DISTINCT unnest(json_keys(fields)) AS field
FROM contact WHERE list_contains($list_ids, list_id)
ORDER BY field

-- name: audience.mark
-- A digest of everything that a recap takes from its lists. It changes as soon as a contact, a field or a legal basis
-- changes.
SELECT count(*) || '-' || coalesce(bit_xor(hash(
    contact.list_id, contact.number_id, contact.territory, contact.fields, contact_list.legal_basis
)), 0) AS mark
FROM contact JOIN contact_list USING (list_id)
WHERE list_contains($list_names, contact_list.list_name)
