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

-- One row a marketing message that was accepted, or that is approved and may still leave (is_open).
CREATE VIEW marketing_message AS
SELECT
    campaign.campaign_id,
    campaign.name AS campaign,
    message.number_id,
    known.accepted_at,
    coalesce(known.state, 'planned') IN ('planned', 'claimed', 'unknown')
        AND campaign.state IN ('approved', 'sending', 'parked', 'paused') AS is_open
FROM message
JOIN campaign USING (campaign_id)
LEFT JOIN (
    SELECT
        campaign_id, recipient_id,
        max(recorded_at) FILTER (event = 'accepted') AS accepted_at,
        arg_max(event, event_id) AS state
    FROM message_event GROUP BY campaign_id, recipient_id
) AS known USING (campaign_id, recipient_id)
WHERE campaign.kind = 'marketing';

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
