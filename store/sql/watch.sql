-- Alerts that wait for a channel, and when each scheduled flow last did its work.

-- name: alert.undelivered
-- Open alerts that a channel has not delivered, and how often it was tried.
SELECT alert.alert_id, kind, gateway, message, raised_at, coalesce(tries, 0) AS tries, tried_at, error
FROM alert LEFT JOIN alert_try ON alert_try.alert_id = alert.alert_id AND alert_try.channel = $channel
WHERE cleared_at IS NULL AND CASE $channel WHEN 'mail' THEN mailed_at ELSE texted_at END IS NULL
ORDER BY alert.alert_id

-- name: alert.add_try
INSERT INTO alert_try VALUES ($alert_id, $channel, 1, $at, $error)

-- name: alert.count_try
UPDATE alert_try SET tries = tries + 1, tried_at = $at, error = $error
WHERE alert_id = $alert_id AND channel = $channel

-- name: alert.set_error
UPDATE alert_try SET error = $error WHERE alert_id = $alert_id AND channel = $channel

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
