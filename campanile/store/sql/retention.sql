-- Retention: what is older than the settings allow is deleted, or emptied where others must add up with it. Nothing that
-- a sender, an unknown message or a person's decision still needs is touched.

-- name: retention.stage_messages
-- The messages to empty. Grain: one message. Key: (campaign_id, recipient_id). Of a campaign that is over since before
-- $before, and of automatic answers, notices and tests, which never end, those whose last event is older. new_id: the
-- tombstone; new_ref: a random reference.
CREATE OR REPLACE TEMP TABLE staged_expired AS
SELECT
    message.campaign_id,
    message.recipient_id,
    campaign.kind IN ('marketing', 'alert') AS is_keyed_by_number,
    -1 - CAST(random() * 4611686018427387904 AS BIGINT) AS new_id,
    left(sha256(concat_ws(':', $salt, message.campaign_id, message.recipient_id)), 20) AS new_ref
FROM message
JOIN campaign USING (campaign_id)
JOIN message_status AS status USING (campaign_id, recipient_id)
WHERE message.number_id > 0
    AND status.state NOT IN ('planned', 'claimed', 'unknown')
    AND coalesce(status.changed_at, campaign.updated_at) < $before
    AND (campaign.kind NOT IN ('marketing', 'alert')
        OR (campaign.state IN ('finished', 'cancelled') AND campaign.updated_at < $before))
    AND NOT EXISTS (
        SELECT 1 FROM slice
        WHERE slice.campaign_id = message.campaign_id AND slice.state IN ('claimed', 'unknown')
    )

-- name: retention.campaigns
-- staged_expired: ExpiredMessages
-- One row per campaign of people with messages to empty.
SELECT * FROM campaign
WHERE campaign_id IN (SELECT campaign_id FROM staged_expired WHERE is_keyed_by_number) ORDER BY campaign_id

-- name: retention.reports
-- staged_expired: ExpiredMessages
-- Delete the delivery reports of these messages.
DELETE FROM delivery_report WHERE client_ref IN (
    SELECT message.client_ref FROM message JOIN staged_expired USING (campaign_id, recipient_id)
)

-- name: retention.gateway_ids
-- staged_expired: ExpiredMessages
-- Replace the reference of these messages also where it is their id at the gateway, as with Kannel.
UPDATE message_event SET gateway_message_id = staged_expired.new_ref
FROM message JOIN staged_expired USING (campaign_id, recipient_id)
WHERE message.campaign_id = message_event.campaign_id
    AND message.recipient_id = message_event.recipient_id
    AND message.client_ref = message_event.gateway_message_id

-- name: retention.reply_links
-- staged_expired: ExpiredMessages
-- Unlink the replies from messages whose recipient_id is the number itself.
UPDATE reply SET recipient_id = NULL
FROM staged_expired
WHERE staged_expired.is_keyed_by_number
    AND staged_expired.campaign_id = reply.campaign_id
    AND staged_expired.recipient_id = reply.recipient_id

-- name: retention.absences
-- Delete the counts of absences whose last one was before $before.
DELETE FROM absence WHERE last_at < $before

-- name: retention.events
-- staged_expired: ExpiredMessages
-- Move the events of messages whose recipient_id is the number itself.
UPDATE message_event SET recipient_id = staged_expired.new_id
FROM staged_expired
WHERE staged_expired.is_keyed_by_number
    AND staged_expired.campaign_id = message_event.campaign_id
    AND staged_expired.recipient_id = message_event.recipient_id

-- name: retention.charges
-- staged_expired: ExpiredMessages
-- The same for the charges.
UPDATE message_charge SET recipient_id = staged_expired.new_id
FROM staged_expired
WHERE staged_expired.is_keyed_by_number
    AND staged_expired.campaign_id = message_charge.campaign_id
    AND staged_expired.recipient_id = message_charge.recipient_id

-- name: retention.messages
-- staged_expired: ExpiredMessages
-- Empty the messages: number, text, row and reference.
UPDATE message SET
    recipient_id = CASE
        WHEN staged_expired.is_keyed_by_number THEN staged_expired.new_id ELSE message.recipient_id
    END,
    number_id = staged_expired.new_id, msisdn = '(erased)', text = '(erased)', row_number = NULL,
    client_ref = staged_expired.new_ref
FROM staged_expired
WHERE staged_expired.campaign_id = message.campaign_id AND staged_expired.recipient_id = message.recipient_id

-- name: retention.exclusions
-- staged_expired: ExpiredMessages
-- Empty the exclusions of the same campaigns.
UPDATE exclusion SET number_id = NULL, msisdn = '(erased)', row_number = NULL
WHERE msisdn <> '(erased)'
    AND campaign_id IN (SELECT campaign_id FROM staged_expired WHERE is_keyed_by_number)

-- name: retention.replies
-- Empty the replies that were received before $before and are decided. A reply that is the proof of an opt-out that
-- applies, or of its end, stays.
UPDATE reply SET
    number_id = -1 - CAST(random() * 4611686018427387904 AS BIGINT), recipient_id = NULL, sender = '(erased)',
    text = '(erased)'
WHERE greatest(received_at, recorded_at) < $before
    AND coalesce(number_id, 0) >= 0
    AND answer IS NOT NULL
    AND NOT (verdict = 'stop_doubtful' AND settled_as IS NULL)
    AND reply_id NOT IN (SELECT reply_id FROM opt_out_entry WHERE reply_id IS NOT NULL)
    AND reply_id NOT IN (SELECT lifted_reply_id FROM opt_out_entry WHERE lifted_reply_id IS NOT NULL)

-- name: retention.proofs
-- Hide the person in the replies that are the proof of an opt-out or of its end, and were received before $before: their
-- texts and times stay, under the keyed hash of the opt-out. For stores that keep opt-outs as keyed hashes only.
UPDATE reply SET
    number_id = -1 - CAST(random() * 4611686018427387904 AS BIGINT), recipient_id = NULL, sender = '(hidden)',
    text = without_number(text, number_id)
WHERE greatest(received_at, recorded_at) < $before
    AND number_id >= 0
    AND answer IS NOT NULL
    AND NOT (verdict = 'stop_doubtful' AND settled_as IS NULL)
    AND reply_id IN (SELECT unnest([reply_id, lifted_reply_id]) FROM opt_out_entry)

-- name: retention.rejects
-- Empty the rejected lines of files that were imported before $before.
UPDATE import_row_reject SET raw_line = '(erased)'
WHERE raw_line <> '(erased)' AND import_id IN (SELECT import_id FROM import_file WHERE recorded_at < $before)
