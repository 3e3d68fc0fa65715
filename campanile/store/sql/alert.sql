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

-- name: alert.open_of
-- The open alerts of a gateway, the oldest first.
SELECT alert_id, kind, gateway, message, raised_at, mailed_at, texted_at FROM alert
WHERE gateway = $gateway AND cleared_at IS NULL ORDER BY alert_id

-- name: alert.last_raised_at
-- When an alert of a kind was last raised, cleared or not; NULL: never.
SELECT max(raised_at) FROM alert WHERE kind = $kind

-- name: alert.next_id
-- The number of the next alert.
SELECT coalesce(max(alert_id), 0) + 1 FROM alert

-- name: alert.raise
-- Add an alert that no channel has delivered yet. $channels: by which it is delivered. $facts: JSON, or NULL.
INSERT INTO alert (alert_id, kind, gateway, message, raised_at, channels, facts)
VALUES ($alert_id, $kind, $gateway, $message, $at, $channels, $facts)

-- name: alert.set_mailed
-- Record when an alert was delivered by mail.
UPDATE alert SET mailed_at = $at WHERE alert_id = $alert_id

-- name: alert.set_texted
-- Record when an alert was delivered by SMS.
UPDATE alert SET texted_at = $at WHERE alert_id = $alert_id

-- name: alert.set_announced
-- Record when the event of an alert was given to Prefect.
UPDATE alert SET announced_at = $at WHERE alert_id = $alert_id

-- name: alert.clear
-- Clear the open alerts of a kind and a gateway: what they warned of is over.
UPDATE alert SET cleared_at = $at WHERE kind = $kind AND gateway = $gateway AND cleared_at IS NULL

-- name: alert.undelivered
-- One row per open alert that a channel should deliver and has not, with the number of tries. Key: alert_id. $channel:
-- 'mail', 'sms' or 'event'.
SELECT
    alert.alert_id, kind, gateway, message, raised_at, coalesce(tries, 0) AS tries, tried_at, error, facts
FROM alert LEFT JOIN alert_try ON alert_try.alert_id = alert.alert_id AND alert_try.channel = $channel
WHERE cleared_at IS NULL
    AND list_contains(string_split(channels, ' '), $channel)
    AND CASE $channel WHEN 'mail' THEN mailed_at WHEN 'sms' THEN texted_at ELSE announced_at END IS NULL
ORDER BY alert.alert_id

-- name: alert.open_notifications
-- The notifications that did not reach the team, the oldest first. An SMS that waits or is in flight counts if its alert
-- was raised before $waits_since, and any SMS if it was after $sms_since.
SELECT alert_id, kind, gateway, raised_at, channel, state, tries, error FROM open_notification
WHERE CASE
    WHEN state = 'failed' THEN true
    WHEN state IN ('planned', 'claimed') THEN raised_at BETWEEN $sms_since AND $waits_since
    ELSE raised_at >= $sms_since
END
ORDER BY alert_id, channel

-- name: alert.add_try
-- Record the first try of a channel. $error: why it failed.
INSERT INTO alert_try (alert_id, channel, tries, tried_at, error) VALUES ($alert_id, $channel, 1, $at, $error)

-- name: alert.count_try
-- Record one more try of a channel. No row is changed before the first try.
UPDATE alert_try SET tries = tries + 1, tried_at = $at, error = $error
WHERE alert_id = $alert_id AND channel = $channel

-- name: alert.set_error
-- Record the error of the last try of a channel; NULL: the alert was delivered. $delivered: who has got it.
UPDATE alert_try SET error = $error, delivered_to = $delivered WHERE alert_id = $alert_id AND channel = $channel

-- name: alert.mailed_to
-- The addresses that have got the mail of an alert, separated by spaces, when a server refused others; NULL: none.
SELECT delivered_to FROM alert_try WHERE alert_id = $alert_id AND channel = 'mail'
