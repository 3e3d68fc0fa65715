-- Results of a campaign.

-- name: result.funnel
-- One row: people by step. Replies of machines do not count. An opt-out counts if its reply belongs to the campaign, or
-- if it is on a list of the gateway and this campaign was the last one that the person got before it.
WITH got AS (
    SELECT number_id, state FROM accepted_message WHERE campaign_id = $campaign_id
)
SELECT
    recap.audience_count,
    (SELECT count(*) FROM message WHERE campaign_id = $campaign_id) AS message_count,
    (SELECT count(*) FROM got) AS accepted_count,
    (SELECT count(*) FROM got WHERE state = 'delivered') AS delivered_count,
    (
        SELECT count(DISTINCT number_id) FROM reply
        WHERE campaign_id = $campaign_id AND verdict <> 'auto_reply' AND number_id IN (SELECT number_id FROM got)
    ) AS replied_count,
    (
        SELECT count(DISTINCT opt_out_key) FROM opt_out_of_campaign
        WHERE campaign_id = $campaign_id AND opt_out_key IN (SELECT opt_out_key(number_id) FROM got)
    ) AS opted_out_count
FROM campaign JOIN recap USING (campaign_id, version)
WHERE campaign.campaign_id = $campaign_id

-- name: result.by_source
-- One row per file that contacts were imported from, and per other origin. The most messages first.
SELECT
    message.origin, import_file.file_name,
    count(*) AS message_count,
    count(accepted.recipient_id) AS accepted_count,
    count(*) FILTER (accepted.state = 'delivered') AS delivered_count,
    count(stopped.opt_out_key) FILTER (accepted.recipient_id IS NOT NULL) AS opted_out_count
FROM message
LEFT JOIN import_file USING (import_id)
LEFT JOIN accepted_message AS accepted USING (campaign_id, recipient_id)
LEFT JOIN (
    SELECT DISTINCT opt_out_key FROM opt_out_of_campaign WHERE campaign_id = $campaign_id
) AS stopped ON stopped.opt_out_key = opt_out_key(message.number_id)
WHERE message.campaign_id = $campaign_id
GROUP BY message.origin, message.import_id, import_file.file_name
ORDER BY message_count DESC, message.origin, import_file.file_name

-- name: result.delivery_curve
-- One row per limit: how many messages were delivered within so many seconds after their acceptance. $limits: seconds.
SELECT limits.seconds, count(delivered.recipient_id) AS delivered_count
FROM (SELECT unnest($limits) AS seconds) AS limits
LEFT JOIN (
    SELECT recipient_id, epoch(delivered_at) - epoch(accepted_at) AS seconds
    FROM delivered_message WHERE campaign_id = $campaign_id
) AS delivered ON delivered.seconds <= limits.seconds
GROUP BY limits.seconds ORDER BY limits.seconds

-- name: result.reply_examples
-- At most $most replies of each verdict, the newest first; a text occurs once.
SELECT verdict, text FROM (
    SELECT verdict, text, max(reply_id) AS reply_id FROM reply
    WHERE campaign_id = $campaign_id AND trim(text) <> '' AND coalesce(number_id, 0) >= 0 GROUP BY verdict, text
)
QUALIFY row_number() OVER (PARTITION BY verdict ORDER BY reply_id DESC) <= $most
ORDER BY verdict, reply_id DESC

-- name: result.cost
-- One row: the costs of a campaign. An open reserve has neither a capture nor a release of the same slice.
SELECT
    (SELECT coalesce(sum(price), 0) FROM message WHERE campaign_id = $campaign_id) AS planned,
    accepted.captured,
    accepted.charged,
    (
        SELECT coalesce(sum(CASE kind WHEN 'reserve' THEN amount WHEN 'adjust' THEN 0 ELSE -amount END), 0)
        FROM credit_entry WHERE campaign_id = $campaign_id
    ) AS reserved,
    answers.*
FROM (
    SELECT coalesce(sum(price), 0) AS captured, coalesce(sum(charged), 0) AS charged
    FROM accepted_message WHERE campaign_id = $campaign_id
) AS accepted, (
    SELECT count(*) AS answer_count, coalesce(sum(answer.charged), 0) AS answers_charged
    FROM accepted_message AS answer
    JOIN campaign ON campaign.campaign_id = answer.campaign_id AND campaign.kind = 'auto_reply'
    JOIN reply ON reply.reply_id = answer.recipient_id
    WHERE reply.campaign_id = $campaign_id
) AS answers

-- name: result.forecast
-- One row per window_key: when its messages were planned to be sent, and when they were accepted.
SELECT
    window_key,
    CAST(coalesce(planned.message_count, 0) AS BIGINT) AS planned_count, planned.planned_from, planned.planned_until,
    coalesce(accepted.message_count, 0) AS accepted_count, accepted.accepted_from, accepted.accepted_until
FROM (
    SELECT window_key, sum(message_count) AS message_count, min(starts_at) AS planned_from, max(ends_at) AS planned_until
    FROM departure WHERE campaign_id = $campaign_id GROUP BY window_key
) AS planned
FULL JOIN (
    SELECT
        window_key, count(*) AS message_count, min(accepted_at) AS accepted_from, max(accepted_at) AS accepted_until
    FROM accepted_message WHERE campaign_id = $campaign_id GROUP BY window_key
) AS accepted USING (window_key)
ORDER BY coalesce(planned.planned_from, accepted.accepted_from), window_key

-- name: result.everyone
-- One row per contact of the campaign's audience: each message with its state, and each exclusion. charged is NULL if the
-- message was not accepted.
SELECT
    message.msisdn, message.territory, status.state, status.reason, message.segment_count, message.encoding,
    CAST(message.price AS VARCHAR) AS price, CAST(accepted.charged AS VARCHAR) AS charged,
    accepted.accepted_at, delivered.delivered_at, status.changed_at,
    message.client_ref, status.gateway_message_id, message.origin,
    message.import_id, message.row_number, message.number_id, message.text
FROM message JOIN message_status AS status USING (campaign_id, recipient_id)
LEFT JOIN accepted_message AS accepted USING (campaign_id, recipient_id)
LEFT JOIN delivered_message AS delivered USING (campaign_id, recipient_id)
WHERE message.campaign_id = $campaign_id
UNION ALL
SELECT
    exclusion.msisdn, NULL, 'excluded', exclusion.reason, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
    exclusion.origin, exclusion.import_id, exclusion.row_number, exclusion.number_id, NULL
FROM exclusion JOIN campaign USING (campaign_id, version)
WHERE exclusion.campaign_id = $campaign_id

-- name: result.repliers
-- One row per reply to the campaign, the oldest first, with the file and row of the person.
SELECT
    reply.sender AS msisdn, reply.received_at, reply.verdict, reply.answer, reply.text, reply.gateway_reply_id,
    message.client_ref, message.origin, message.import_id, message.row_number, reply.number_id
FROM reply
LEFT JOIN message ON message.campaign_id = reply.campaign_id AND message.number_id = reply.number_id
WHERE reply.campaign_id = $campaign_id

-- name: result.opted_out
-- One row per opt-out that the campaign led to, with its proof. lifted_at: when it ended, NULL: it is in force.
-- msisdn: of the message, if opt-outs are kept as keyed hashes.
SELECT
    coalesce(stop.msisdn, message.msisdn) AS msisdn, stop.recorded_at, stop.said_at, stop.source, stop.source_ref, stop.channel, stop.note,
    reply.text AS reply_text, reply.received_at AS reply_received_at, reply.gateway, reply.gateway_reply_id,
    stop.lifted_at, stop.lifted_by, message.client_ref, message.origin, message.import_id, message.row_number,
    stop.opt_out_key AS number_id
FROM opt_out_of_campaign AS stop
LEFT JOIN reply USING (reply_id)
LEFT JOIN message
    ON message.campaign_id = stop.campaign_id AND opt_out_key(message.number_id) = stop.opt_out_key
WHERE stop.campaign_id = $campaign_id

-- name: result.fields
-- One row per contact of a file in the audience of the campaign. Key: (import_id, row_number). fields: those that the
-- list has now, or those of the imported row if the contact is gone.
SELECT import_row.import_id, import_row.row_number, coalesce(contact.fields, import_row.fields) AS fields
FROM import_row
SEMI JOIN (
    SELECT import_id, row_number FROM message WHERE campaign_id = $campaign_id
    UNION ALL
    SELECT import_id, row_number FROM exclusion WHERE campaign_id = $campaign_id
) AS needed USING (import_id, row_number)
JOIN import_file USING (import_id)
LEFT JOIN contact ON contact.list_id = import_file.list_id AND contact.number_id = import_row.number_id

-- name: result.column_maps
-- The column maps of all import files of the lists in the audience of a campaign, the oldest first.
SELECT column_map FROM import_file WHERE list_id IN (
    SELECT list_id FROM import_file WHERE import_id IN (
        SELECT import_id FROM message WHERE campaign_id = $campaign_id
        UNION ALL
        SELECT import_id FROM exclusion WHERE campaign_id = $campaign_id
    )
)
ORDER BY import_id
