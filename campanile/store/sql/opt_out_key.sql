-- The switch of a store to keyed hashes. Every statement may run again: the key of a key is the key itself.

-- name: opt_out_key.is_hashed
-- Whether the store keeps opt-outs as keyed hashes. An error: the key is missing or another one.
SELECT opt_out_key(0) <> 0 AS is_hashed

-- name: opt_out_key.is_unused
-- Whether the store has never had an opt-out.
SELECT NOT EXISTS (SELECT 1 FROM opt_out_entry) AND NOT EXISTS (SELECT 1 FROM import_file WHERE kind = 'opt_outs')

-- name: opt_out_key.hash_entries
-- Replace the numbers of opt-outs, and hide them in the texts beside them.
UPDATE opt_out_entry SET
    opt_out_key = opt_out_key(opt_out_key),
    source_ref = without_number(source_ref, opt_out_key),
    channel = without_number(channel, opt_out_key),
    note = without_number(note, opt_out_key),
    lift_reason = without_number(lift_reason, opt_out_key)

-- name: opt_out_key.hash_pushes
-- Replace the numbers of opt-outs that are in the list of a gateway.
UPDATE opt_out_push SET opt_out_key = opt_out_key(opt_out_key)

-- name: opt_out_key.hash_rows
-- Replace the numbers of imported files of opt-outs, and delete the fields, which name the person.
UPDATE import_row SET number_id = opt_out_key(number_id), fields = '{}'
WHERE import_id IN (SELECT import_id FROM import_file WHERE kind = 'opt_outs')

-- name: opt_out_key.files
-- The SHA-256 of each imported file of opt-outs.
SELECT sha256 FROM import_file WHERE kind = 'opt_outs' ORDER BY import_id
