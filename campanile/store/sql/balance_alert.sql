-- The alert on a low balance: what decides on it, and its figures.

-- name: balance_alert.state
-- What decides on the alert of a gateway: the balance by the ledger (the last reading, less what was captured since), the
-- open alerts, when the team was last told, and the rule. No row without a reading. $setting: the name of the rule.
SELECT
    reading.amount + reading.captured_before - (
        SELECT coalesce(sum(amount), 0) FROM credit_entry
        WHERE gateway = $gateway AND kind IN ('capture', 'adjust')
    ) AS balance,
    reading.unit,
    reading.read_at,
    coalesce(opened.is_low, false) AS is_low,
    coalesce(opened.is_empty, false) AS is_empty,
    opened.told_at,
    (SELECT arg_max(value, setting_id) FROM operator_setting WHERE name = $setting) AS rule
FROM balance_reading AS reading, (
    SELECT
        bool_or(kind = 'balance_critical') AS is_low,
        bool_or(kind = 'balance_empty') AS is_empty,
        max(raised_at) AS told_at
    FROM alert
    WHERE gateway = $gateway AND cleared_at IS NULL
        AND kind IN ('balance_critical', 'balance_empty', 'balance_reminder')
) AS opened
WHERE reading.gateway = $gateway
ORDER BY reading.reading_id DESC LIMIT 1

-- name: balance_alert.spent
-- What was captured on a gateway in the last 24 hours (from $day_ago) and days (from $days_ago), and since when.
SELECT
    coalesce(sum(amount) FILTER (recorded_at >= $day_ago), 0) AS last_day,
    coalesce(sum(amount) FILTER (recorded_at >= $days_ago), 0) AS last_days,
    min(recorded_at) AS first_at
FROM credit_entry WHERE gateway = $gateway AND kind IN ('capture', 'adjust')

-- name: balance_alert.needs
-- One row per approved campaign of a gateway that still has to send: alerts first, then in the order of the times. Key:
-- campaign.
SELECT
    campaign.name AS campaign,
    campaign.due_at,
    CAST(sum(slice.message_count) AS BIGINT) AS message_count,
    sum(slice.price) AS price
FROM slice JOIN campaign USING (campaign_id)
WHERE slice.state = 'planned'
    AND campaign.gateway = $gateway
    AND campaign.kind IN ('marketing', 'alert')
    AND campaign.state IN ('approved', 'sending', 'parked', 'paused')
GROUP BY campaign.campaign_id, campaign.name, campaign.kind, campaign.due_at
ORDER BY campaign.kind <> 'alert', campaign.due_at NULLS LAST, campaign.campaign_id
