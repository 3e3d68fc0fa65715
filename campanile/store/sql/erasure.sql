-- Erase one person. Rows that others must add up with stay, under $tombstone, a random number_id below 0; '(erased)'
-- stands for each text. Rows of files, messages and replies have different tombstones: a partner's file and the opt-outs
-- must not lead to the messages.

-- name: erasure.add
-- Record an erasure.
INSERT INTO erasure
SELECT coalesce(max(erasure_id), 0) + 1, $actor, $reason, CAST($at AS DATE) FROM erasure

-- name: erasure.in_flight
-- The campaigns in which a message of the person may still be accepted: it is claimed or unknown, or it is in a slice
-- that may be posted again.
SELECT DISTINCT campaign.name
FROM message
JOIN campaign USING (campaign_id)
JOIN message_event USING (campaign_id, recipient_id)
JOIN slice ON slice.campaign_id = message_event.campaign_id AND slice.slice_no = message_event.slice_no
WHERE message.number_id = $number_id AND slice.state IN ('claimed', 'unknown')
ORDER BY campaign.name

-- name: erasure.campaigns
-- One row per campaign that people prepared and that has a message or an exclusion of the person.
SELECT * FROM campaign
WHERE kind IN ('marketing', 'alert') AND campaign_id IN (
    SELECT campaign_id FROM message WHERE number_id = $number_id
    UNION
    SELECT campaign_id FROM exclusion WHERE number_id = $number_id
)
ORDER BY campaign_id

-- name: erasure.drafts
-- One row per campaign whose draft has typed numbers.
SELECT campaign_id, draft FROM campaign WHERE json_array_length(draft, '$.numbers') > 0 ORDER BY campaign_id

-- name: erasure.write_draft
-- Write a draft without the number of the person.
UPDATE campaign SET draft = $draft WHERE campaign_id = $campaign_id

-- name: erasure.details
-- The details of all recaps of a campaign, as JSON.
SELECT version, details FROM recap WHERE campaign_id = $campaign_id AND details IS NOT NULL

-- name: erasure.write_details
-- Write the details of a recap without what identifies the person.
UPDATE recap SET details = $details WHERE campaign_id = $campaign_id AND version = $version

-- name: erasure.own_texts
-- The texts that only this person got or wrote.
SELECT message.text FROM message
WHERE message.number_id = $number_id AND NOT EXISTS (
    SELECT 1 FROM message AS other
    WHERE other.campaign_id = message.campaign_id
        AND other.number_id <> message.number_id
        AND other.text = message.text
)
UNION
SELECT text FROM reply
WHERE number_id = $number_id OR (sender = '(hidden)' AND reply_id IN (
    SELECT unnest([reply_id, lifted_reply_id]) FROM opt_out_entry WHERE opt_out_key = opt_out_key($number_id)
))

-- name: erasure.campaign_names
-- The campaigns whose pages may show the person: those with a message, an exclusion or a reply. $pattern: for replies
-- whose sender could not be read as a number.
SELECT name FROM campaign WHERE campaign_id IN (
    SELECT campaign_id FROM message WHERE number_id = $number_id
    UNION
    SELECT campaign_id FROM exclusion WHERE number_id = $number_id
    UNION
    SELECT campaign_id FROM reply
    WHERE number_id = $number_id OR (number_id IS NULL AND regexp_matches(sender, $pattern))
)

-- name: erasure.pseudonyms
-- What stands for the person in files without the number: the references of their messages, and their pseudonyms in
-- snapshots (as snapshot.messages makes them).
SELECT client_ref FROM message WHERE number_id = $number_id
UNION
SELECT left(sha256(concat_ws(':', value ->> '$', CAST($number_id AS BIGINT))), 32)
FROM operator_setting WHERE name = 'snapshot_key'

-- name: erasure.values
-- The values of the person's merge fields, in all lists and files.
SELECT DISTINCT unnest(fields ->> '$.*') AS cell FROM contact WHERE number_id = $number_id
UNION
SELECT DISTINCT unnest(fields ->> '$.*') FROM import_row WHERE number_id = $number_id

-- name: erasure.files
-- The hash of each imported file with a row of the person. $pattern: the number in every usual form.
SELECT sha256 FROM import_file WHERE import_id IN (
    SELECT import_id FROM import_row WHERE number_id IN ($number_id, opt_out_key($number_id))
    UNION
    SELECT import_id FROM import_row_reject WHERE regexp_matches(raw_line, $pattern)
)

-- name: erasure.contacts
-- Delete the person from all lists.
DELETE FROM contact WHERE number_id = $number_id

-- name: erasure.import_rows
-- Keep the rows of files, which are counted, without their content.
UPDATE import_row SET number_id = $tombstone, fields = '{}'
WHERE number_id IN ($number_id, opt_out_key($number_id))

-- name: erasure.rejects
-- Keep the rejected rows, which are counted, without their line.
UPDATE import_row_reject SET raw_line = '(erased)' WHERE regexp_matches(raw_line, $pattern)

-- name: erasure.exclusions
-- Keep the exclusions, which are counted.
UPDATE exclusion SET number_id = $tombstone, msisdn = '(erased)', row_number = NULL WHERE number_id = $number_id

-- name: erasure.reports
-- Bind the delivery reports of the person to the new references of their messages. Kannel gives no id of its own, so the
-- reference is also in the other columns. $salt: a secret that is not stored.
UPDATE delivery_report SET
    client_ref = CASE client_ref WHEN renamed.old_ref THEN renamed.new_ref ELSE client_ref END,
    gateway_message_id = CASE gateway_message_id WHEN renamed.old_ref THEN renamed.new_ref ELSE gateway_message_id END,
    report_id = replace(report_id, renamed.old_ref, renamed.new_ref)
FROM (
    SELECT client_ref AS old_ref, left(sha256(concat_ws(':', $salt, campaign_id, recipient_id)), 20) AS new_ref
    FROM message WHERE number_id = $number_id
) AS renamed
WHERE renamed.old_ref IN (delivery_report.client_ref, delivery_report.gateway_message_id)

-- name: erasure.gateway_ids
-- Replace the reference also where it is the id of the message at the gateway, as with Kannel.
UPDATE message_event SET
    gateway_message_id = left(sha256(concat_ws(':', $salt, message.campaign_id, message.recipient_id)), 20)
FROM message
WHERE message.number_id = $number_id
    AND message.campaign_id = message_event.campaign_id
    AND message.recipient_id = message_event.recipient_id
    AND message.client_ref = message_event.gateway_message_id

-- name: erasure.events
-- Move the events of campaigns whose recipient_id is the number itself.
UPDATE message_event SET recipient_id = $tombstone
WHERE recipient_id = $number_id
    AND campaign_id IN (SELECT campaign_id FROM campaign WHERE kind IN ('marketing', 'alert'))

-- name: erasure.charges
-- The same for the charges.
UPDATE message_charge SET recipient_id = $tombstone
WHERE recipient_id = $number_id
    AND campaign_id IN (SELECT campaign_id FROM campaign WHERE kind IN ('marketing', 'alert'))

-- name: erasure.messages
-- Keep the messages, which are counted and paid for, without number, text and row. client_ref was a hash of the number:
-- it becomes a random one. $salt: a secret that is not stored. $reply_tombstone: of automatic answers.
UPDATE message SET
    recipient_id = CASE WHEN recipient_id = $number_id THEN $tombstone ELSE recipient_id END,
    number_id = CASE
        WHEN campaign_id IN (SELECT campaign_id FROM campaign WHERE kind = 'auto_reply') THEN $reply_tombstone
        ELSE $tombstone
    END,
    msisdn = '(erased)',
    text = '(erased)',
    row_number = NULL,
    client_ref = left(sha256(concat_ws(':', $salt, campaign_id, recipient_id)), 20)
WHERE number_id = $number_id

-- name: erasure.replies
-- Keep the replies, which are counted, without sender, text and message: an opt-out names its reply, and must not lead to
-- the message. What waits for a decision is settled: the person gets no
-- answer, and a doubtful refusal counts as one. $pattern: for senders that could not be read as a number.
UPDATE reply SET
    number_id = $tombstone,
    recipient_id = NULL,
    sender = '(erased)',
    text = '(erased)',
    answer = coalesce(answer, 'opted_out'),
    answered_at = coalesce(answered_at, $at),
    settled_as = CASE WHEN verdict = 'stop_doubtful' THEN coalesce(settled_as, 'keep') ELSE settled_as END,
    settled_by = CASE WHEN verdict = 'stop_doubtful' THEN coalesce(settled_by, $actor) ELSE settled_by END,
    settled_at = CASE WHEN verdict = 'stop_doubtful' THEN coalesce(settled_at, $at) ELSE settled_at END
WHERE number_id = $number_id
    OR (number_id IS NULL AND regexp_matches(sender, $pattern))
    OR (sender = '(hidden)' AND reply_id IN (
        SELECT unnest([reply_id, lifted_reply_id]) FROM opt_out_entry WHERE opt_out_key = opt_out_key($number_id)
    ))

-- name: erasure.lifted_opt_outs
-- Keep the opt-outs that were lifted, as history of nobody.
UPDATE opt_out_entry SET
    opt_out_key = $tombstone, source_ref = NULL, channel = NULL, note = NULL,
    lift_reason = CASE WHEN lift_reason <> '' THEN '(erased)' END
WHERE opt_out_key = opt_out_key($number_id) AND lifted_at IS NOT NULL

-- name: erasure.opt_outs
-- Keep the opt-outs that apply: the number stays suppressed. What a colleague or a file wrote beside it is deleted.
UPDATE opt_out_entry SET source_ref = regexp_replace(source_ref, ': .*$', '', 's'), channel = NULL, note = NULL
WHERE opt_out_key = opt_out_key($number_id) AND lifted_at IS NULL

-- name: erasure.pushes
-- Keep the pushes of lifted opt-outs to the provider, as history of nobody. Those of opt-outs that apply stay: they are
-- not pushed again.
UPDATE opt_out_push SET opt_out_key = $tombstone
WHERE opt_out_key = opt_out_key($number_id)
    AND entry_id IN (SELECT entry_id FROM opt_out_entry WHERE lifted_at IS NOT NULL)

-- name: erasure.suppress
-- Opt the number out, by the day: an exact time would lead to the campaigns that were redacted then. A START does not
-- lift it.
INSERT INTO opt_out_entry (entry_id, opt_out_key, source, recorded_at, after_event_id)
SELECT
    (SELECT coalesce(max(entry_id), 0) + 1 FROM opt_out_entry), opt_out_key($number_id), 'erasure',
    date_trunc('day', CAST($at AS TIMESTAMPTZ)), (SELECT coalesce(max(event_id), 0) FROM message_event)
WHERE NOT EXISTS (
    SELECT 1 FROM opt_out_entry
    WHERE opt_out_key = opt_out_key($number_id) AND source = 'erasure' AND lifted_at IS NULL
)

-- name: erasure.dead_number
-- Delete the record that the number does not exist: the opt-out remains.
DELETE FROM dead_number WHERE number_id = $number_id

-- name: erasure.dead_number_events
-- Keep the history of dead numbers, whose events are numbered, as history of nobody.
UPDATE dead_number_event SET number_id = $tombstone, evidence = '(erased)', import_id = NULL, row_number = NULL
WHERE number_id = $number_id

-- name: erasure.absences
-- Delete the count of absences.
DELETE FROM absence WHERE number_id = $number_id

-- name: erasure.add_redaction
-- Record the hash of a recap after an erasure.
INSERT INTO recap_redaction
SELECT $campaign_id, $version, coalesce(max(redaction_no), 0) + 1, $redacted_hash
FROM recap_redaction WHERE campaign_id = $campaign_id AND version = $version

-- name: erasure.redacted_hash
-- The hash that a recap has since its last erasure: at most one row.
SELECT redacted_hash FROM recap_redaction
WHERE campaign_id = $campaign_id AND version = $version ORDER BY redaction_no DESC LIMIT 1
