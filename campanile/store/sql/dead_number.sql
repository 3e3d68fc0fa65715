-- Numbers that do not exist any more, their history, and the absences that lead there.

-- name: dead_number.add
-- staged_rows: DeadNumbers
-- Record dead numbers. Grain and key: number_id; the first record stays.
INSERT INTO dead_number (number_id, msisdn, reason, recorded_at)
SELECT number_id, msisdn, reason, $at FROM staged_rows
ON CONFLICT DO NOTHING

-- name: dead_number.note_deaths
-- staged_rows: DeadNumbers
-- Add the deaths of numbers that are not dead yet to the history.
INSERT INTO dead_number_event
SELECT
    coalesce((SELECT max(event_no) FROM dead_number_event), 0) + row_number() OVER (ORDER BY number_id),
    number_id, 'died', reason, evidence, NULL, NULL, $at
FROM staged_rows ANTI JOIN dead_number USING (number_id)

-- name: dead_number.consenting
-- Dead numbers for which a row of an import has a newer consent. Grain and key: number_id. A consent is newer from the
-- day after the death on (UTC), and counts only if its date is not in the future.
SELECT consent.number_id, arg_max(consent.row_number, consent.given_on) AS row_number, max(consent.given_on) AS given_on
FROM (
    SELECT
        number_id, row_number,
        try_cast(json_extract_string(fields, '/consent_on') AS DATE) AS given_on,
        coalesce(json_extract_string(fields, '/sms_consent'), 'yes') AS answer
    FROM import_row WHERE import_id = $import_id AND contains(fields, '"consent_on"')
) AS consent
JOIN dead_number USING (number_id)
WHERE consent.answer <> 'no'
    AND consent.given_on > CAST(timezone('UTC', dead_number.recorded_at) AS DATE)
    AND consent.given_on <= CAST(timezone('UTC', CAST($at AS TIMESTAMPTZ)) AS DATE) + 1
GROUP BY consent.number_id

-- name: dead_number.note_revivals
-- staged_rows: Revivals
-- Add revivals to the history: a row of the import $import_id has the consent.
INSERT INTO dead_number_event
SELECT
    coalesce((SELECT max(event_no) FROM dead_number_event), 0) + row_number() OVER (ORDER BY number_id),
    number_id, 'revived', 'fresh consent', evidence, $import_id, row_number, $at
FROM staged_rows

-- name: dead_number.remove
-- staged_rows: NumberIds
-- Remove numbers that are not dead any more.
DELETE FROM dead_number WHERE number_id IN (SELECT number_id FROM staged_rows)

-- name: dead_number.revived_by
-- The numbers whose last event is their revival by a row of an import, with the reason and the time of their last
-- death. Grain and key: number_id.
SELECT number_id, reason, died_at
FROM (
    SELECT
        number_id,
        arg_max(event, event_no) AS event,
        arg_max_null(import_id, event_no) AS import_id,
        arg_max(reason, event_no) FILTER (event = 'died') AS reason,
        max(recorded_at) FILTER (event = 'died') AS died_at
    FROM dead_number_event GROUP BY number_id
) AS latest
WHERE event = 'revived' AND import_id = $import_id

-- name: dead_number.put_back
-- staged_rows: DeadAgain
-- Put numbers back whose revival was undone, with the date of their death.
INSERT INTO dead_number (number_id, msisdn, reason, recorded_at)
SELECT number_id, '+' || number_id, reason, died_at FROM staged_rows

-- name: dead_number.note_put_back
-- staged_rows: DeadAgain
-- Add the deaths that are in force again to the history.
INSERT INTO dead_number_event
SELECT
    coalesce((SELECT max(event_no) FROM dead_number_event), 0) + row_number() OVER (ORDER BY number_id),
    number_id, 'died', reason, $evidence, NULL, NULL, $at
FROM staged_rows

-- name: dead_number.last_event_no
-- The number of the last event in the history of dead numbers; 0: there is none.
SELECT coalesce(max(event_no), 0) FROM dead_number_event

-- name: dead_number.export
-- The dead numbers for the partners who gave them: one row per dead number and list that has it, or one row without a
-- list.
SELECT
    dead_number.msisdn,
    dead_number.reason,
    strftime(timezone($zone, dead_number.recorded_at), '%Y-%m-%d') AS dead_since,
    latest.evidence,
    contact_list.list_name,
    import_file.file_name,
    contact.row_number
FROM dead_number
LEFT JOIN (
    SELECT number_id, arg_max(evidence, event_no) AS evidence FROM dead_number_event GROUP BY number_id
) AS latest ON latest.number_id = dead_number.number_id
LEFT JOIN contact ON contact.number_id = dead_number.number_id
LEFT JOIN contact_list ON contact_list.list_id = contact.list_id
LEFT JOIN import_file ON import_file.import_id = contact.import_id
ORDER BY contact_list.list_name, import_file.file_name, contact.row_number, dead_number.number_id
