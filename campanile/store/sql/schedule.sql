-- When scheduled flows last ran.

-- name: schedule.list
SELECT flow_name, watched_since, started_at, completed_at, error FROM scheduled_flow ORDER BY flow_name

-- name: schedule.add
INSERT INTO scheduled_flow VALUES ($flow_name, $at, NULL, NULL, NULL)

-- name: schedule.start
UPDATE scheduled_flow SET started_at = $at WHERE flow_name = $flow_name

-- name: schedule.complete
UPDATE scheduled_flow SET completed_at = $at, error = NULL WHERE flow_name = $flow_name

-- name: schedule.fail
UPDATE scheduled_flow SET error = $error WHERE flow_name = $flow_name

-- name: schedule.watch_again
-- Nothing ran for a while: lateness counts from here on.
UPDATE scheduled_flow SET watched_since = $at
