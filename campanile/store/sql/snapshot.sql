-- Tables for analysts: the columns of schemas/marts.py. $at: the time of the snapshot. $key: of the pseudonyms.
-- $is_masked: whether numbers are shown with their middle hidden, as mask_number hides it; else they are left out.

-- name: snapshot.campaigns
-- One row per campaign. $gateways, $units: the unit of each gateway's prices.
SELECT
    campaign.campaign_id, campaign.name, campaign.draft ->> '$.title' AS title, campaign.kind, campaign.state,
    campaign.gateway, campaign.policy, campaign.sender_id, campaign.draft ->> '$.cost_centre' AS cost_centre,
    campaign.is_sample, campaign.created_at, approved.approved_at, accepted.first_accepted_at,
    accepted.last_accepted_at, recap.audience_count, recap.exclusion_count,
    coalesce(counted.message_count, 0) AS message_count, coalesce(counted.segment_count, 0) AS segment_count,
    coalesce(accepted.message_count, 0) AS accepted_count,
    coalesce(counted.delivered_count, 0) AS delivered_count,
    coalesce(counted.undelivered_count, 0) AS undelivered_count,
    coalesce(counted.rejected_count, 0) AS rejected_count,
    coalesce(counted.unknown_count, 0) AS unknown_count,
    coalesce(replied.person_count, 0) AS replied_count,
    coalesce(opted_out.person_count, 0) AS opted_out_count,
    unit_of.unit, recap.total_price AS planned,
    coalesce(accepted.captured, 0) AS captured, coalesce(accepted.charged, 0) AS charged,
    CAST($at AS TIMESTAMPTZ) AS snapshot_at
FROM campaign
JOIN (SELECT unnest($gateways) AS gateway, unnest($units) AS unit) AS unit_of USING (gateway)
LEFT JOIN recap USING (campaign_id, version)
LEFT JOIN (
    SELECT campaign_id, max(recorded_at) AS approved_at FROM campaign_event WHERE event = 'approved' GROUP BY campaign_id
) AS approved USING (campaign_id)
LEFT JOIN (
    SELECT
        campaign_id, count(*) AS message_count, sum(segment_count) AS segment_count,
        count(*) FILTER (state = 'delivered') AS delivered_count,
        count(*) FILTER (state = 'undelivered') AS undelivered_count,
        count(*) FILTER (state = 'rejected') AS rejected_count,
        count(*) FILTER (state IN ('unknown', 'written_off')) AS unknown_count
    FROM message_status GROUP BY campaign_id
) AS counted USING (campaign_id)
LEFT JOIN (
    SELECT
        campaign_id, count(*) AS message_count, min(accepted_at) AS first_accepted_at,
        max(accepted_at) AS last_accepted_at, sum(price) AS captured, sum(charged) AS charged
    FROM accepted_message GROUP BY campaign_id
) AS accepted USING (campaign_id)
LEFT JOIN (
    SELECT campaign_id, count(DISTINCT number_id) AS person_count
    FROM reply SEMI JOIN accepted_message USING (campaign_id, number_id)
    WHERE verdict <> 'auto_reply' GROUP BY campaign_id
) AS replied USING (campaign_id)
LEFT JOIN (
    SELECT campaign_id, count(DISTINCT opt_out_key) AS person_count
    FROM opt_out_of_campaign AS stop SEMI JOIN accepted_message AS accepted
        ON accepted.campaign_id = stop.campaign_id AND opt_out_key(accepted.number_id) = stop.opt_out_key
    GROUP BY campaign_id
) AS opted_out USING (campaign_id)
ORDER BY campaign.campaign_id

-- name: snapshot.messages
-- One row per message.
SELECT
    message.client_ref, message.campaign_id,
    left(sha256(concat_ws(':', CAST($key AS VARCHAR), message.number_id)), 32) AS person_key,
    CASE WHEN $is_masked THEN '+' || left(CAST(message.number_id AS VARCHAR), shown.head)
        || repeat('*', length(CAST(message.number_id AS VARCHAR)) - shown.head - shown.tail)
        || right(CAST(message.number_id AS VARCHAR), shown.tail) END AS number,
    message.territory, message.encoding, message.segment_count, message.origin, message.import_id,
    status.state, status.reason, message.price, accepted.charged, accepted.accepted_at, delivered.delivered_at,
    epoch(delivered.delivered_at) - epoch(delivered.accepted_at) AS seconds_to_delivery,
    CAST($at AS TIMESTAMPTZ) AS snapshot_at
FROM message
JOIN message_status AS status USING (campaign_id, recipient_id)
LEFT JOIN accepted_message AS accepted USING (campaign_id, recipient_id)
LEFT JOIN delivered_message AS delivered USING (campaign_id, recipient_id)
CROSS JOIN LATERAL (
    SELECT
        least(3, (length(CAST(message.number_id AS VARCHAR)) + 1) // 4) AS head,
        least(4, (length(CAST(message.number_id AS VARCHAR)) + 1) // 3) AS tail
) AS shown
ORDER BY message.campaign_id, message.recipient_id

-- name: snapshot.replies
-- One row per reply.
SELECT
    reply.reply_id, reply.campaign_id, reply.gateway,
    CASE WHEN reply.number_id IS NOT NULL
        THEN left(sha256(concat_ws(':', CAST($key AS VARCHAR), reply.number_id)), 32) END AS person_key,
    CASE WHEN $is_masked THEN '+' || left(CAST(reply.number_id AS VARCHAR), shown.head)
        || repeat('*', length(CAST(reply.number_id AS VARCHAR)) - shown.head - shown.tail)
        || right(CAST(reply.number_id AS VARCHAR), shown.tail) END AS number,
    reply.verdict, reply.answer, reply.settled_as, reply.received_at, length(reply.text) AS text_length,
    CAST($at AS TIMESTAMPTZ) AS snapshot_at
FROM reply
CROSS JOIN LATERAL (
    SELECT
        least(3, (length(CAST(reply.number_id AS VARCHAR)) + 1) // 4) AS head,
        least(4, (length(CAST(reply.number_id AS VARCHAR)) + 1) // 3) AS tail
) AS shown
ORDER BY reply.reply_id

-- name: snapshot.costs
-- One row per campaign and month of acceptance. $zone: the team's.
SELECT
    CAST(date_trunc('month', timezone($zone, accepted.accepted_at)) AS DATE) AS month_on,
    campaign.campaign_id, campaign.kind, campaign.draft ->> '$.cost_centre' AS cost_centre, campaign.gateway,
    count(*) AS message_count, sum(accepted.segment_count) AS segment_count,
    sum(accepted.charged_segments) AS charged_segment_count, unit_of.unit,
    sum(accepted.price) AS captured, sum(accepted.charged) AS charged, CAST($at AS TIMESTAMPTZ) AS snapshot_at
FROM accepted_message AS accepted
JOIN campaign USING (campaign_id)
JOIN (SELECT unnest($gateways) AS gateway, unnest($units) AS unit) AS unit_of ON unit_of.gateway = campaign.gateway
GROUP BY month_on, campaign.campaign_id, campaign.kind, campaign.draft, campaign.gateway, unit_of.unit
ORDER BY month_on, campaign.campaign_id

-- name: snapshot.list_quality
-- One row per import of a contact file.
SELECT
    import_file.import_id, quality.list_name, quality.source, import_file.recorded_at AS imported_at,
    import_file.undone_at, import_file.row_count, import_file.accepted_count, import_file.updated_count,
    import_file.duplicate_count, import_file.rejected_count, quality.opted_out_later AS opted_out_later_count,
    quality.dead_later AS dead_later_count, coalesce(got.message_count, 0) AS message_count,
    coalesce(got.delivered_count, 0) AS delivered_count, CAST($at AS TIMESTAMPTZ) AS snapshot_at
FROM import_file
JOIN import_quality AS quality USING (import_id)
LEFT JOIN (
    SELECT import_id, count(*) AS message_count, count(*) FILTER (state = 'delivered') AS delivered_count
    FROM accepted_message WHERE import_id IS NOT NULL GROUP BY import_id
) AS got USING (import_id)
ORDER BY import_file.import_id
