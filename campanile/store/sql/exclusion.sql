-- Contacts of an audience that get no message.

-- name: exclusion.add
-- staged_exclusions: Exclusions
-- Add the exclusions of a version. Grain: one contact of one source, with one reason.
INSERT INTO exclusion
SELECT $campaign_id, $version, number_id, msisdn, reason, origin, import_id, row_number FROM staged_exclusions
