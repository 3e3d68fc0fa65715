-- Operator settings with their history.

-- name: setting.put
INSERT INTO operator_setting
SELECT coalesce(max(setting_id), 0) + 1, $name, $value, $actor, $at FROM operator_setting

-- name: setting.get
SELECT value, actor, changed_at FROM operator_setting WHERE name = $name ORDER BY setting_id DESC LIMIT 1

-- name: setting.at
-- What was in force then; of a setting that is younger, its first value.
SELECT coalesce(arg_max(value, setting_id) FILTER (changed_at <= $at), arg_min(value, setting_id)) AS value
FROM operator_setting WHERE name = $name
