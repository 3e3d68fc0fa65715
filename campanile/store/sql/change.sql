-- What a change of a list does to its people and to campaigns.

-- name: change.stage_file
-- The people of one import file. Grain and key: number_id.
CREATE OR REPLACE TEMP TABLE staged_touched AS
SELECT DISTINCT number_id, true AS is_undone FROM import_row WHERE import_id = $import_id

-- name: change.stage_replacement
-- staged_rows: ContactRows
-- The people of a file and of the file that replaces it. Grain and key: number_id. is_undone: in the old file.
-- $import_id: the file that is replaced.
CREATE OR REPLACE TEMP TABLE staged_touched AS
SELECT number_id, bool_or(is_undone) AS is_undone
FROM (
    SELECT number_id, true AS is_undone FROM import_row WHERE import_id = $import_id
    UNION ALL
    SELECT number_id, false FROM staged_rows
) AS both_files
GROUP BY number_id

-- name: change.stage_list
-- The people of a whole list. Grain and key: number_id.
CREATE OR REPLACE TEMP TABLE staged_touched AS
SELECT number_id, true AS is_undone FROM contact WHERE list_id = $list_id

-- name: change.stage_before
-- staged_touched: TouchedPeople
-- The touched people of the list as they are before the change. Grain and key: number_id.
CREATE OR REPLACE TEMP TABLE staged_before AS
SELECT number_id, fields FROM contact
WHERE list_id = $list_id AND number_id IN (SELECT number_id FROM staged_touched)

-- name: change.stage_remaining
-- staged_touched: TouchedPeople
-- What the other files of the list say of the people of the undone file. Grain and key: number_id. The first row is the
-- origin; the newest value of each field wins.
CREATE OR REPLACE TEMP TABLE staged_remaining AS
WITH remaining AS (
    SELECT
        import_row.import_id, import_row.row_number, import_row.number_id, import_row.territory, import_row.fields,
        import_row.import_id * 10000000000 + import_row.row_number AS position
    FROM import_row JOIN import_file USING (import_id)
    WHERE import_file.list_id = $list_id
        AND import_row.number_id IN (SELECT number_id FROM staged_touched WHERE is_undone)
),
person AS (
    SELECT number_id, min(position) AS position, min(fields) <> max(fields) AS is_moving
    FROM remaining GROUP BY number_id
),
said AS (
    SELECT number_id, position, unnest(json_keys(fields)) AS field, unnest(fields ->> '$.*') AS value
    FROM remaining WHERE number_id IN (SELECT number_id FROM person WHERE is_moving)
),
newest AS (
    SELECT number_id, field, arg_max(value, position) AS value FROM said GROUP BY number_id, field
),
folded AS (
    SELECT number_id, CAST(to_json(map(list(field ORDER BY field), list(value ORDER BY field))) AS VARCHAR) AS fields
    FROM newest GROUP BY number_id
)
SELECT
    remaining.number_id, remaining.territory, coalesce(folded.fields, remaining.fields) AS fields, remaining.import_id,
    remaining.row_number
FROM person
JOIN remaining ON remaining.position = person.position
LEFT JOIN folded ON folded.number_id = person.number_id

-- name: change.remove_contacts
-- staged_touched: TouchedPeople
-- staged_remaining: RemainingContacts
-- Delete the people of the undone file that no other file of the list has.
DELETE FROM contact
WHERE list_id = $list_id
    AND number_id IN (SELECT number_id FROM staged_touched WHERE is_undone)
    AND number_id NOT IN (SELECT number_id FROM staged_remaining)

-- name: change.fall_back
-- staged_remaining: RemainingContacts
-- Set the people that other files have to what these say. Contacts that do not change are not written.
UPDATE contact SET
    territory = remaining.territory, fields = remaining.fields, import_id = remaining.import_id,
    row_number = remaining.row_number, updated_at = $at
FROM staged_remaining AS remaining
WHERE contact.list_id = $list_id
    AND contact.number_id = remaining.number_id
    AND (contact.fields, contact.import_id, contact.row_number)
        <> (remaining.fields, remaining.import_id, remaining.row_number)

-- name: change.empty_list
-- Delete all contacts of a list.
DELETE FROM contact WHERE list_id = $list_id

-- name: change.stage_changes
-- staged_touched: TouchedPeople
-- staged_before: PeopleBefore
-- What the change did to each touched person. Grain and key: number_id. kind: added, removed, changed or kept; the
-- order of the JSON keys does not matter.
CREATE OR REPLACE TEMP TABLE staged_changes AS
SELECT
    coalesce(earlier.number_id, later.number_id) AS number_id,
    CASE
        WHEN earlier.number_id IS NULL THEN 'added'
        WHEN later.number_id IS NULL THEN 'removed'
        WHEN earlier.fields = later.fields
            OR (json_contains(earlier.fields, later.fields) AND json_contains(later.fields, earlier.fields)) THEN 'kept'
        ELSE 'changed'
    END AS kind,
    earlier.fields AS fields_before,
    later.fields AS fields_after
FROM staged_before AS earlier
FULL JOIN (
    SELECT number_id, fields FROM contact
    WHERE list_id = $list_id AND number_id IN (SELECT number_id FROM staged_touched)
) AS later ON later.number_id = earlier.number_id

-- name: change.counts
-- staged_changes: PeopleChanges
-- One row per kind of change.
SELECT kind, count(*) AS people_count FROM staged_changes GROUP BY kind

-- name: change.columns
-- staged_changes: PeopleChanges
-- One row per field that changed: the number of people, most first.
SELECT field, count(*) AS people_count
FROM (
    SELECT number_id, unnest(json_keys(fields_before)) AS field, unnest(fields_before ->> '$.*') AS value
    FROM staged_changes WHERE kind = 'changed'
) AS earlier
FULL JOIN (
    SELECT number_id, unnest(json_keys(fields_after)) AS field, unnest(fields_after ->> '$.*') AS value
    FROM staged_changes WHERE kind = 'changed'
) AS later USING (number_id, field)
WHERE earlier.value IS DISTINCT FROM later.value
GROUP BY field ORDER BY people_count DESC, field

-- name: change.examples
-- staged_changes: PeopleChanges
-- Up to three people per kind of change.
SELECT kind, '+' || number_id AS msisdn, fields_before, fields_after
FROM staged_changes WHERE kind <> 'kept'
QUALIFY row_number() OVER (PARTITION BY kind ORDER BY number_id) <= 3
ORDER BY kind, number_id

-- name: change.campaigns
-- One row per open campaign that uses a list: its draft names the list, or the list is the origin of some messages.
SELECT *
FROM campaign
WHERE kind IN ('marketing', 'alert')
    AND state IN ('prepared', 'approved', 'sending', 'parked', 'paused')
    AND (
        coalesce(list_contains(CAST(draft -> '$.lists' AS VARCHAR[]), $list_name), false)
        OR coalesce(list_contains(CAST(draft -> '$.exclude_lists' AS VARCHAR[]), $list_name), false)
        OR campaign_id IN (SELECT campaign_id FROM message WHERE origin = $list_name)
    )
ORDER BY campaign_id

-- name: change.count_in_recap
-- staged_changes: PeopleChanges
-- The number of people for whom a recap is out of date: people it counts who changed or were removed, and people who
-- were added, whom it does not count.
SELECT count(*) FROM staged_changes
WHERE kind = 'added' OR (kind <> 'kept' AND number_id IN (
    SELECT number_id FROM message WHERE campaign_id = $campaign_id
    UNION ALL
    SELECT number_id FROM exclusion WHERE campaign_id = $campaign_id AND version = $version AND number_id IS NOT NULL
))

-- name: change.count_planned
-- staged_changes: PeopleChanges
-- The number of planned messages from this list to people who were removed or changed.
SELECT count(*)
FROM message_status JOIN message USING (campaign_id, recipient_id)
WHERE message_status.campaign_id = $campaign_id
    AND message_status.state = 'planned'
    AND message.origin = $list_name
    AND message.number_id IN (SELECT number_id FROM staged_changes WHERE kind IN ('removed', 'changed'))
