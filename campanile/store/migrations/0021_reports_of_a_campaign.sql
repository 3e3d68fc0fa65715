-- campaign_id: the campaign of the report's message, so that a report is compared with those of its campaign only; NULL: its
-- message was not found.
ALTER TABLE delivery_report ADD COLUMN campaign_id BIGINT;
UPDATE delivery_report SET campaign_id = found.campaign_id
FROM (
    SELECT report.report_no, max(campaign.campaign_id) AS campaign_id
    FROM delivery_report AS report
    JOIN message ON message.client_ref = report.client_ref
    JOIN campaign ON campaign.campaign_id = message.campaign_id AND campaign.gateway = report.gateway
    GROUP BY report.report_no
    UNION ALL
    SELECT report.report_no, arg_max(campaign.campaign_id, message_event.event_id)
    FROM delivery_report AS report
    JOIN message_event ON message_event.gateway_message_id = report.gateway_message_id
    JOIN campaign ON campaign.campaign_id = message_event.campaign_id AND campaign.gateway = report.gateway
    WHERE report.client_ref IS NULL
    GROUP BY report.report_no
) AS found
WHERE found.report_no = delivery_report.report_no;
