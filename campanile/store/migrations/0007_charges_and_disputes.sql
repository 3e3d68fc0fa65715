-- What gateways say that they charged, and answers of theirs that cannot be right.

-- What a gateway charged for a message where that is not what the recap said; `adjust` in credit_entry is the difference.
CREATE TABLE message_charge (
    campaign_id BIGINT,
    recipient_id BIGINT,
    slice_no BIGINT NOT NULL,
    amount DECIMAL(18, 6) NOT NULL,
    segment_count BIGINT NOT NULL,
    recorded_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (campaign_id, recipient_id)
);

-- The charge that a delivery report names; NULL where it names none.
ALTER TABLE delivery_report ADD COLUMN charge DECIMAL(18, 6);
ALTER TABLE delivery_report ADD COLUMN charge_unit VARCHAR;
ALTER TABLE delivery_report ADD COLUMN charge_segments BIGINT;

-- is_disputed: the gateway may have accepted messages of this slice under an id that cannot be right, so that no absence
-- proves that they may be sent again.
ALTER TABLE slice ADD COLUMN is_disputed BOOLEAN DEFAULT false;
