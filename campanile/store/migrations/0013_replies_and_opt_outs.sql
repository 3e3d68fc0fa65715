-- recipient_id: with campaign_id, the last message to the person before the reply; NULL: there was none.
ALTER TABLE reply ADD COLUMN recipient_id BIGINT;
UPDATE reply SET recipient_id = message.recipient_id
FROM message WHERE message.campaign_id = reply.campaign_id AND message.number_id = reply.number_id;

-- handed_over_at: when a reply was written to the file of its campaign's reply owner. mailed_at: when it was mailed.
ALTER TABLE reply ADD COLUMN handed_over_at TIMESTAMPTZ;
ALTER TABLE reply ADD COLUMN mailed_at TIMESTAMPTZ;

-- lift_reason: why a named person undid an opt-out; NULL: it was lifted in another way.
ALTER TABLE opt_out_entry ADD COLUMN lift_reason VARCHAR;

-- Which opt-outs are in the provider's own list because we added them. Key: (gateway, entry_id).
CREATE TABLE opt_out_push (
    gateway VARCHAR,
    entry_id BIGINT,
    number_id BIGINT NOT NULL,
    pushed_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (gateway, entry_id)
);
