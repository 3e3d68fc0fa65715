-- What gateways say that they charged for messages.

-- name: charge.put
-- staged_rows: Charges
-- Record the charge of messages, or correct it. Grain: one message. Key: (campaign_id, recipient_id).
INSERT INTO message_charge
SELECT campaign_id, recipient_id, slice_no, CAST(amount AS DECIMAL(18, 6)), segment_count, $at FROM staged_rows
ON CONFLICT (campaign_id, recipient_id) DO UPDATE SET
    amount = excluded.amount, segment_count = excluded.segment_count, recorded_at = excluded.recorded_at

-- name: charge.of_campaign
-- One row: the captured price by the recap, the adjustments, and the number of messages with other segments than in the
-- recap.
SELECT entry.captured, entry.adjusted, counted.segment_changes
FROM (
    SELECT
        coalesce(sum(amount) FILTER (kind = 'capture'), 0) AS captured,
        coalesce(sum(amount) FILTER (kind = 'adjust'), 0) AS adjusted
    FROM credit_entry WHERE campaign_id = $campaign_id
) AS entry, (
    SELECT count(*) AS segment_changes
    FROM message_charge JOIN message USING (campaign_id, recipient_id)
    WHERE message_charge.campaign_id = $campaign_id AND message_charge.segment_count <> message.segment_count
) AS counted
