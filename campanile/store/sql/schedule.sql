-- When scheduled flows last ran.

-- name: schedule.list
-- One row per scheduled flow.
SELECT flow_name, watched_since, started_at, completed_at, error FROM scheduled_flow ORDER BY flow_name

-- name: schedule.add
-- Watch a flow that has never run.
INSERT INTO scheduled_flow VALUES ($flow_name, $at, NULL, NULL, NULL)

-- name: schedule.start
-- Record that a run began.
UPDATE scheduled_flow SET started_at = $at WHERE flow_name = $flow_name

-- name: schedule.complete
-- Record that a run ended well.
UPDATE scheduled_flow SET completed_at = $at, error = NULL WHERE flow_name = $flow_name

-- name: schedule.fail
-- Record why a run failed.
UPDATE scheduled_flow SET error = $error WHERE flow_name = $flow_name

-- name: schedule.watch_again
-- Count lateness from now on: no flow ran for a while.
UPDATE scheduled_flow SET watched_since = $at
