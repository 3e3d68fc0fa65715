-- Contacts of an audience that get no message.

-- name: exclusion.add
-- staged_exclusions: Exclusions
INSERT INTO exclusion
SELECT $campaign_id, $version, number_id, msisdn, reason, origin, import_id, row_number FROM staged_exclusions
