-- channels: by which an alert is delivered, separated by spaces: 'mail', 'sms', 'event'; empty: it only says that the
-- state goes on. facts: the figures of a balance alert, as JSON. announced_at: when its event was given to Prefect.
ALTER TABLE alert ADD COLUMN channels VARCHAR;
ALTER TABLE alert ADD COLUMN facts VARCHAR;
ALTER TABLE alert ADD COLUMN announced_at TIMESTAMPTZ;
UPDATE alert SET channels = 'mail sms';

-- delivered_to: the addresses that have got a mail, separated by spaces, when the server refused others.
ALTER TABLE alert_try ADD COLUMN delivered_to VARCHAR;

-- Notifications that did not reach the team. A mail or an event that failed: until the alert is delivered, or is cleared
-- and a later one was delivered by that channel. An SMS that no gateway accepted, or that was not delivered to the
-- handset: until a later one to the same number was. state: of the SMS; 'failed' otherwise. tries: 1 for an SMS.
CREATE VIEW open_notification AS
SELECT
    alert.alert_id,
    alert.kind,
    alert.gateway,
    alert.raised_at,
    alert_try.channel,
    'failed' AS state,
    alert_try.tries,
    alert_try.error
FROM alert
JOIN alert_try ON alert_try.alert_id = alert.alert_id
LEFT JOIN (
    SELECT 'mail' AS channel, max(mailed_at) AS delivered_at FROM alert
    UNION ALL
    SELECT 'sms', max(texted_at) FROM alert
    UNION ALL
    SELECT 'event', max(announced_at) FROM alert
) AS latest ON latest.channel = alert_try.channel
WHERE CASE alert_try.channel WHEN 'mail' THEN mailed_at WHEN 'sms' THEN texted_at ELSE announced_at END IS NULL
    AND (alert.cleared_at IS NULL OR coalesce(latest.delivered_at, alert.raised_at) <= alert_try.tried_at)
UNION ALL
SELECT alert.alert_id, alert.kind, alert.gateway, alert.raised_at, 'sms', notice.state, 1, notice.reason
FROM (
    SELECT
        message.recipient_id,
        coalesce(latest.state, 'planned') AS state,
        latest.reason,
        max(message.recipient_id) FILTER (latest.state IN ('accepted', 'delivered'))
            OVER (PARTITION BY message.number_id) AS last_accepted
    FROM message
    JOIN campaign ON campaign.campaign_id = message.campaign_id AND campaign.kind = 'notice'
    LEFT JOIN (
        SELECT campaign_id, recipient_id, arg_max(event, event_id) AS state, arg_max_null(reason, event_id) AS reason
        FROM message_event
        WHERE campaign_id IN (SELECT campaign_id FROM campaign WHERE kind = 'notice')
        GROUP BY campaign_id, recipient_id
    ) AS latest ON latest.campaign_id = message.campaign_id AND latest.recipient_id = message.recipient_id
) AS notice
JOIN alert ON alert.alert_id = notice.recipient_id // 1000
WHERE notice.state NOT IN ('accepted', 'delivered') AND coalesce(notice.last_accepted, 0) < notice.recipient_id;
