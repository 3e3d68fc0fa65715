-- Alerts to the team, and the deliveries by mail and SMS that were tried.

-- name: alert.clear_list_changed
-- Clear the open alerts that say that a list of this campaign changed. $campaign_id: the campaign.
UPDATE alert SET cleared_at = $at
WHERE cleared_at IS NULL AND (kind, gateway) IN (
    SELECT ('list_changed: ' || name, gateway) FROM campaign WHERE campaign_id = $campaign_id
)

-- name: alert.open
-- The open alert of a kind and a gateway: at most one row.
SELECT alert_id, kind, gateway, message, raised_at, mailed_at, texted_at FROM alert
WHERE kind = $kind AND gateway = $gateway AND cleared_at IS NULL

-- name: alert.last_raised_at
-- When an alert of a kind was last raised, cleared or not; NULL: never.
SELECT max(raised_at) FROM alert WHERE kind = $kind

-- name: alert.next_id
-- The number of the next alert.
SELECT coalesce(max(alert_id), 0) + 1 FROM alert

-- name: alert.raise
-- Add an alert that no channel has delivered yet.
INSERT INTO alert VALUES ($alert_id, $kind, $gateway, $message, $at, NULL, NULL, NULL)

-- name: alert.set_mailed
-- Record when an alert was delivered by mail.
UPDATE alert SET mailed_at = $at WHERE alert_id = $alert_id

-- name: alert.set_texted
-- Record when an alert was delivered by SMS.
UPDATE alert SET texted_at = $at WHERE alert_id = $alert_id

-- name: alert.clear
-- Clear the open alerts of a kind and a gateway: what they warned of is over.
UPDATE alert SET cleared_at = $at WHERE kind = $kind AND gateway = $gateway AND cleared_at IS NULL

-- name: alert.undelivered
-- One row per open alert that a channel has not delivered, with the number of tries. Key: alert_id. $channel: 'mail' or
-- 'sms'.
SELECT alert.alert_id, kind, gateway, message, raised_at, coalesce(tries, 0) AS tries, tried_at, error
FROM alert LEFT JOIN alert_try ON alert_try.alert_id = alert.alert_id AND alert_try.channel = $channel
WHERE cleared_at IS NULL AND CASE $channel WHEN 'mail' THEN mailed_at ELSE texted_at END IS NULL
ORDER BY alert.alert_id

-- name: alert.add_try
-- Record the first try of a channel. $error: why it failed.
INSERT INTO alert_try VALUES ($alert_id, $channel, 1, $at, $error)

-- name: alert.count_try
-- Record one more try of a channel. No row is changed before the first try.
UPDATE alert_try SET tries = tries + 1, tried_at = $at, error = $error
WHERE alert_id = $alert_id AND channel = $channel

-- name: alert.set_error
-- Record the error of the last try of a channel; NULL: the alert was delivered.
UPDATE alert_try SET error = $error WHERE alert_id = $alert_id AND channel = $channel
