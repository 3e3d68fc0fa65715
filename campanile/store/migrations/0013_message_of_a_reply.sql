-- recipient_id: with campaign_id, the last message to the person before the reply; NULL: there was none.
ALTER TABLE reply ADD COLUMN recipient_id BIGINT;
UPDATE reply SET recipient_id = message.recipient_id
FROM message WHERE message.campaign_id = reply.campaign_id AND message.number_id = reply.number_id;
