-- Campaigns that send the same text to the same people.

-- name: repeat.near_campaigns
-- One row per approved campaign, not revised since, with a slice sent or to be sent between $after and $before. An
-- overdue slice counts as sent now.
SELECT campaign.campaign_id, campaign.name, campaign.draft ->> '$.text' AS text, approval.approved_at
FROM campaign
JOIN (
    SELECT campaign_id, max(recorded_at) AS approved_at
    FROM campaign_event WHERE event = 'approved' GROUP BY campaign_id
) AS approval USING (campaign_id)
WHERE campaign.campaign_id <> $campaign_id
    AND campaign.state <> 'prepared'
    AND EXISTS (
        SELECT 1 FROM slice
        WHERE slice.campaign_id = campaign.campaign_id
            AND CASE slice.state
                WHEN 'planned' THEN greatest(coalesce(campaign.due_at, $at), $at) ELSE slice.claimed_at
            END BETWEEN $after AND $before
    )
ORDER BY approval.approved_at, campaign.campaign_id

-- name: repeat.count_people
-- The recipients of a campaign who got, or may still get, a message of the other campaigns. First row (campaign_id
-- NULL): all of them together; then one row per campaign.
SELECT other.campaign_id, count(DISTINCT other.number_id) AS people_count
FROM message AS other
WHERE other.campaign_id IN (SELECT unnest(CAST($campaign_ids AS BIGINT[])))
    AND other.number_id IN (SELECT number_id FROM message WHERE campaign_id = $campaign_id)
    AND NOT EXISTS (
        SELECT 1 FROM message_event
        WHERE message_event.campaign_id = other.campaign_id
            AND message_event.recipient_id = other.recipient_id
            AND message_event.event IN ('cancelled', 'rejected', 'suppressed', 'expired')
    )
GROUP BY GROUPING SETS ((), (other.campaign_id))
ORDER BY grouping(other.campaign_id) DESC, people_count DESC, other.campaign_id

-- name: repeat.count_recipients
-- The number of recipients of a campaign.
SELECT count(*) FROM message WHERE campaign_id = $campaign_id
