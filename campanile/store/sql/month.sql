-- The messages of a month, by the time of their acceptance.

-- name: month.rows
-- One row per kind, campaign that the messages belong to, cost centre and gateway. An automatic answer belongs to the
-- campaign that was replied to, a test to the campaign that was tested; a notice to none.
WITH owned AS (
    SELECT
        accepted.*, campaign.kind,
        CASE campaign.kind
            WHEN 'auto_reply' THEN reply.campaign_id
            WHEN 'test' THEN tested.campaign_id
            WHEN 'notice' THEN NULL
            ELSE campaign.campaign_id
        END AS owner_id
    FROM accepted_message AS accepted
    JOIN campaign USING (campaign_id)
    LEFT JOIN reply ON campaign.kind = 'auto_reply' AND reply.reply_id = accepted.recipient_id
    LEFT JOIN (
        SELECT substr(detail, strpos(detail, '; ') + 2) AS origin, max(campaign_id) AS campaign_id
        FROM campaign_event WHERE event = 'tested' GROUP BY origin
    ) AS tested ON campaign.kind = 'test' AND tested.origin = accepted.origin
    WHERE accepted.accepted_at >= $begins_at AND accepted.accepted_at < $ends_at
)
SELECT
    owned.kind, owner.name, owner.state, owner.draft ->> '$.cost_centre' AS cost_centre, owned.gateway,
    count(*) AS message_count,
    CAST(sum(owned.segment_count) AS BIGINT) AS segment_count,
    count(*) FILTER (owned.state = 'delivered') AS delivered_count,
    CASE WHEN owned.kind IN ('marketing', 'alert') THEN any_value(recap.total_price) END AS planned,
    sum(owned.price) AS captured,
    sum(owned.charged) AS charged
FROM owned
LEFT JOIN campaign AS owner ON owner.campaign_id = owned.owner_id
LEFT JOIN recap ON recap.campaign_id = owner.campaign_id AND recap.version = owner.version
GROUP BY owned.kind, owner.campaign_id, owner.name, owner.state, owner.draft, owned.gateway
ORDER BY owned.kind = 'notice', owner.campaign_id NULLS LAST, owned.kind, owned.gateway
