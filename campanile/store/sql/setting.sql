-- Operator settings with their history: a new row for each change.

-- name: setting.put
-- Add a value. $value: JSON. $actor: who changed it.
INSERT INTO operator_setting
SELECT coalesce(max(setting_id), 0) + 1, $name, $value, $actor, $at FROM operator_setting

-- name: setting.get
-- The current value of a setting: at most one row.
SELECT value, actor, changed_at FROM operator_setting WHERE name = $name ORDER BY setting_id DESC LIMIT 1

-- name: setting.history
-- All values of a setting, the newest first.
SELECT value, actor, changed_at FROM operator_setting WHERE name = $name ORDER BY setting_id DESC

-- name: setting.at
-- The value that was in force at $at; for a setting that is newer than $at, its first value.
SELECT coalesce(arg_max(value, setting_id) FILTER (changed_at <= $at), arg_min(value, setting_id)) AS value
FROM operator_setting WHERE name = $name
