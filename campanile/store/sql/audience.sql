-- What a recap was made of, so that a change of lists is noticed.

-- name: audience.has_field
SELECT true FROM contact
WHERE list_contains($list_ids, list_id) AND json_exists(fields, $pointer) LIMIT 1

-- name: audience.field_names
SELECT DISTINCT unnest(json_keys(fields)) AS field
FROM contact WHERE list_contains($list_ids, list_id)
ORDER BY field

-- name: audience.mark
-- A digest of all that a recap took from its lists: another one as soon as a person, a field or a legal basis differs.
SELECT count(*) || '-' || coalesce(bit_xor(hash(
    contact.list_id, contact.number_id, contact.territory, contact.fields, contact_list.legal_basis
)), 0) AS mark
FROM contact JOIN contact_list USING (list_id)
WHERE list_contains($list_names, contact_list.list_name)
