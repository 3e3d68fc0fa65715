-- Alerts to the team and the channels that deliver them.

-- name: alert.clear_list_changed
UPDATE alert SET cleared_at = $at
WHERE cleared_at IS NULL AND (kind, gateway) IN (
    SELECT ('list_changed: ' || name, gateway) FROM campaign WHERE campaign_id = $campaign_id
)

-- name: alert.open
SELECT alert_id, kind, gateway, message, raised_at, mailed_at, texted_at FROM alert
WHERE kind = $kind AND gateway = $gateway AND cleared_at IS NULL

-- name: alert.next_id
SELECT coalesce(max(alert_id), 0) + 1 FROM alert

-- name: alert.raise
INSERT INTO alert VALUES ($alert_id, $kind, $gateway, $message, $at, NULL, NULL, NULL)

-- name: alert.set_mailed
UPDATE alert SET mailed_at = $at WHERE alert_id = $alert_id

-- name: alert.set_texted
UPDATE alert SET texted_at = $at WHERE alert_id = $alert_id

-- name: alert.clear
UPDATE alert SET cleared_at = $at WHERE kind = $kind AND gateway = $gateway AND cleared_at IS NULL

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
