-- Message events: append-only. Key: event_id, in the order of recording.

-- name: event.ids_taken
-- One row per gateway message id and message it was recorded for. $gateway_message_ids: the ids to look for.
-- $after_event_id: only later events are read.
SELECT DISTINCT message_event.gateway_message_id, message.client_ref
FROM message_event
SEMI JOIN (SELECT unnest($gateway_message_ids) AS gateway_message_id) AS said USING (gateway_message_id)
JOIN campaign USING (campaign_id)
JOIN message USING (campaign_id, recipient_id)
WHERE message_event.event_id > $after_event_id AND campaign.gateway = $gateway

-- name: event.ids_of_slice
-- One row per message of a slice and gateway id recorded for it. $cut_as: the slice that the messages were first cut
-- into. $first_event_id: no event of the slice is older.
SELECT DISTINCT message.client_ref, message_event.gateway_message_id
FROM message_event
JOIN message USING (campaign_id, recipient_id)
WHERE message_event.campaign_id = $campaign_id
    AND message_event.event_id >= $first_event_id
    AND message_event.gateway_message_id IS NOT NULL
    AND message.slice_no = $cut_as

-- name: event.ids_shared
-- One row per gateway id of a campaign that was recorded for more than one message of its gateway.
SELECT message_event.gateway_message_id
FROM message_event
JOIN campaign USING (campaign_id)
SEMI JOIN (
    SELECT gateway_message_id FROM message_event
    WHERE campaign_id = $campaign_id AND gateway_message_id IS NOT NULL
) AS ours USING (gateway_message_id)
WHERE campaign.gateway = $gateway
GROUP BY message_event.gateway_message_id
HAVING min(recipient_id) <> max(recipient_id) OR min(campaign_id) <> max(campaign_id)

-- name: event.expire
-- Add 'expired' to the planned messages of one window_key. $not_before: the time of its own that they waited for, or
-- NULL. $first_event_id: the id of the first new event.
INSERT INTO message_event
SELECT
    $first_event_id - 1 + row_number() OVER (ORDER BY status.recipient_id),
    status.campaign_id, status.recipient_id, 'expired', status.slice_no, NULL, NULL, $reason, $at
FROM message_status AS status
JOIN slice ON slice.campaign_id = status.campaign_id AND slice.slice_no = status.slice_no
WHERE status.campaign_id = $campaign_id
    AND status.state = 'planned'
    AND slice.state = 'planned'
    AND slice.window_key = $window_key
    AND slice.not_before IS NOT DISTINCT FROM $not_before

-- name: event.next_id
-- The next event id. The events of a revised campaign are deleted, but their ids are never used again. The newest event is
-- found in the last rows; max(event_id) would read all of them.
SELECT 1 + greatest(
    coalesce((SELECT event_id FROM message_event ORDER BY event_id DESC LIMIT 1), 0),
    (SELECT coalesce(max(after_event_id), 0) FROM campaign_event)
)

-- name: event.add
-- staged_rows: MessageEvents
-- Add events. Grain: one event. Key: event_id.
INSERT INTO message_event
SELECT event_id, campaign_id, recipient_id, event, slice_no, fence, gateway_message_id, reason, $at FROM staged_rows

-- name: event.add_to_slices
-- Add one event per recipient. The five lists have the same length and the same order.
INSERT INTO message_event
SELECT event_id, $campaign_id, recipient_id, event, slice_no, $fence, gateway_message_id, reason, $at
FROM (
    SELECT
        unnest(range($first_event_id, $first_event_id + len($recipient_ids))) AS event_id,
        unnest($recipient_ids) AS recipient_id,
        unnest($events) AS event,
        unnest($slice_nos) AS slice_no,
        unnest(CAST($gateway_message_ids AS VARCHAR[])) AS gateway_message_id,
        unnest(CAST($reasons AS VARCHAR[])) AS reason
)

-- name: event.cancel_planned
-- Add 'cancelled' to the planned messages of a campaign, but not to those of $except_origin.
INSERT INTO message_event
SELECT
    $first_event_id - 1 + row_number() OVER (ORDER BY recipient_id),
    campaign_id, recipient_id, 'cancelled', slice_no, NULL, NULL, $reason, $at
FROM message_status
WHERE campaign_id = $campaign_id AND state = 'planned'
    AND recipient_id NOT IN (
        SELECT recipient_id FROM message WHERE campaign_id = $campaign_id AND origin = $except_origin
    )

-- name: event.forget
-- Delete the events of messages that are cut again. Only while nothing was claimed.
DELETE FROM message_event WHERE campaign_id = $campaign_id
