-- Who acts is called actor everywhere: in the drafts of campaigns, and in the history of operator settings.
UPDATE campaign SET draft = CAST(
    json_merge_patch(draft, json_object('actor', draft ->> '$.author', 'author', NULL)) AS VARCHAR
) WHERE json_exists(draft, '$.author');
ALTER TABLE operator_setting RENAME COLUMN changed_by TO actor;
