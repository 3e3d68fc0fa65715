-- Unknown messages.

-- name: unknown.list
-- One row per unknown message in slices that no sender has claimed, by slice and recipient. ask_after: from when on a
-- person may decide on it.
SELECT
    message.recipient_id, message.msisdn, message.segment_count, message.price,
    slice.slice_no, slice.claimed_at, slice.ask_after, latest.reason
FROM (
    SELECT
        recipient_id,
        arg_max(event, event_id) AS state,
        arg_max(slice_no, event_id) AS slice_no,
        arg_max_null(reason, event_id) AS reason
    FROM message_event
    WHERE campaign_id = $campaign_id AND recipient_id IN (
        SELECT recipient_id FROM message_event WHERE campaign_id = $campaign_id AND event = 'unknown'
    )
    GROUP BY recipient_id
) AS latest
JOIN message ON message.campaign_id = $campaign_id AND message.recipient_id = latest.recipient_id
JOIN slice ON slice.campaign_id = $campaign_id AND slice.slice_no = latest.slice_no
WHERE latest.state = 'unknown' AND slice.state = 'unknown'
ORDER BY slice.slice_no, message.recipient_id
