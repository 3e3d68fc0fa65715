-- What became of the messages that a gateway accepted, for results, invoices and snapshots.

-- One row a message that a gateway accepted: its last id at the gateway, and what it was charged. charged: the amount that
-- the gateway reported, else the price of the recap.
CREATE VIEW accepted_message AS
SELECT
    message.campaign_id,
    message.recipient_id,
    message.number_id,
    message.territory,
    message.window_key,
    message.origin,
    message.import_id,
    message.client_ref,
    campaign.gateway,
    found.gateway_message_id,
    found.accepted_at,
    found.state,
    found.delivered_at AS reported_by,
    message.segment_count,
    message.price,
    coalesce(message_charge.amount, message.price) AS charged,
    coalesce(message_charge.segment_count, message.segment_count) AS charged_segments
FROM (
    SELECT
        campaign_id,
        recipient_id,
        arg_max(event, event_id) AS state,
        arg_max(gateway_message_id, event_id) AS gateway_message_id,
        min(recorded_at) FILTER (event = 'accepted') AS accepted_at,
        max(recorded_at) FILTER (event = 'delivered') AS delivered_at
    FROM message_event
    GROUP BY campaign_id, recipient_id
) AS found
JOIN message USING (campaign_id, recipient_id)
JOIN campaign USING (campaign_id)
LEFT JOIN message_charge USING (campaign_id, recipient_id)
WHERE found.state IN ('accepted', 'delivered', 'undelivered');

-- One row a delivered message. delivered_at: the time in its delivery report, or when the report was read if no report has
-- the message's last id; never before accepted_at, because the clocks of gateways differ.
CREATE VIEW delivered_message AS
SELECT
    accepted_message.campaign_id,
    accepted_message.recipient_id,
    any_value(accepted_message.accepted_at) AS accepted_at,
    greatest(
        coalesce(min(report.reported_at), any_value(accepted_message.reported_by)),
        any_value(accepted_message.accepted_at)
    ) AS delivered_at
FROM accepted_message
LEFT JOIN delivery_report AS report
    ON report.gateway = accepted_message.gateway
    AND report.gateway_message_id = accepted_message.gateway_message_id
    AND report.status = 'delivered'
    AND report.reported_at >= accepted_message.accepted_at - INTERVAL 1 HOUR
WHERE accepted_message.state = 'delivered'
GROUP BY accepted_message.campaign_id, accepted_message.recipient_id;

-- One row an opt-out and the campaign that led to it: the campaign of its reply. One from a list of the gateway has the last
-- campaign that the person had got before. Opt-outs from files and colleagues belong to no campaign.
CREATE VIEW opt_out_of_campaign AS
SELECT
    opt_out_entry.entry_id,
    opt_out_entry.number_id,
    opt_out_entry.msisdn,
    opt_out_entry.source,
    opt_out_entry.source_ref,
    opt_out_entry.reply_id,
    opt_out_entry.recorded_at,
    opt_out_entry.said_at,
    opt_out_entry.channel,
    opt_out_entry.note,
    opt_out_entry.lifted_at,
    opt_out_entry.lifted_by,
    reply.campaign_id
FROM opt_out_entry JOIN reply USING (reply_id)
WHERE reply.campaign_id IS NOT NULL
UNION ALL
SELECT
    listed.entry_id,
    listed.number_id,
    listed.msisdn,
    listed.source,
    listed.source_ref,
    listed.reply_id,
    listed.recorded_at,
    listed.said_at,
    listed.channel,
    listed.note,
    listed.lifted_at,
    listed.lifted_by,
    last_got.campaign_id
FROM opt_out_entry AS listed
JOIN (
    SELECT opt_out_entry.entry_id, arg_max(message_event.campaign_id, message_event.event_id) AS campaign_id
    FROM opt_out_entry
    JOIN message USING (number_id)
    JOIN campaign ON campaign.campaign_id = message.campaign_id AND campaign.kind IN ('marketing', 'alert')
    JOIN message_event
        ON message_event.campaign_id = message.campaign_id
        AND message_event.recipient_id = message.recipient_id
        AND message_event.event = 'accepted'
        AND message_event.event_id <= opt_out_entry.after_event_id
    WHERE opt_out_entry.reply_id IS NULL AND opt_out_entry.source = 'gateway'
    GROUP BY opt_out_entry.entry_id
) AS last_got USING (entry_id);
