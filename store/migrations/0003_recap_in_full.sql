-- What a recap shows besides its counts, what it must still be compared with at its approval, and when messages leave.

-- details: JSON that the page is drawn from (sources, findings, savings, previews, changes); the hash does not cover it.
-- audience_mark: digest of the contacts of the lists it was made from; NULL: made before marks were kept.
ALTER TABLE recap ADD COLUMN details VARCHAR;
ALTER TABLE recap ADD COLUMN audience_mark VARCHAR;

-- emergency_reason: this alert may use the credit committed to marketing. offer_ends_at: after it a message is worthless.
ALTER TABLE campaign ADD COLUMN emergency_reason VARCHAR;
ALTER TABLE campaign ADD COLUMN offer_ends_at TIMESTAMPTZ;

-- When the messages of a place leave, at the gateway's rate, as planned when the recap was made; a place whose window
-- closes meanwhile has several rows.
CREATE TABLE departure (
    campaign_id BIGINT,
    departure_no BIGINT,
    window_key VARCHAR NOT NULL,
    starts_at TIMESTAMPTZ NOT NULL,
    ends_at TIMESTAMPTZ NOT NULL,
    message_count BIGINT NOT NULL,
    PRIMARY KEY (campaign_id, departure_no)
);

-- One row a message of the campaigns that people prepare, with the window in which it is planned to leave.
CREATE VIEW planned_message AS
SELECT
    campaign.name AS campaign,
    message.*,
    plan.planned_from,
    plan.planned_until
FROM message
JOIN campaign USING (campaign_id)
LEFT JOIN (
    SELECT campaign_id, window_key, min(starts_at) AS planned_from, max(ends_at) AS planned_until
    FROM departure GROUP BY campaign_id, window_key
) AS plan USING (campaign_id, window_key)
WHERE campaign.kind IN ('marketing', 'alert');
