-- Everything that is stored about one person, by number_id.

-- name: person.memberships
-- One row per list that the person is in, with the file and the row that brought them.
SELECT
    contact_list.list_name, contact.territory, contact.fields, contact_list.legal_basis, contact_list.wording,
    contact_list.declared_by, contact_list.declared_at, contact.import_id, import_file.file_name,
    import_file.sha256 AS file_sha256, contact.row_number, import_file.recorded_at AS imported_at, contact.updated_at
FROM contact JOIN contact_list USING (list_id) JOIN import_file USING (import_id)
WHERE contact.number_id = $number_id
ORDER BY import_file.recorded_at, contact_list.list_name

-- name: person.file_rows
-- One row per valid row of a file with this number, in the order of import. list_name is NULL for files of opt-outs.
SELECT
    import_row.import_id, import_file.kind, contact_list.list_name, import_file.file_name, import_row.row_number,
    import_row.fate, import_row.fields, import_file.recorded_at AS imported_at, import_file.undone_at
FROM import_row
JOIN import_file ON import_file.import_id = import_row.import_id
LEFT JOIN contact_list ON contact_list.list_id = import_file.list_id
WHERE import_row.number_id IN ($number_id, opt_out_key($number_id))
ORDER BY import_row.import_id, import_row.row_number

-- name: person.rejected_rows
-- One row per rejected row that contains the number. $pattern: the number in every usual form.
SELECT
    import_row_reject.import_id, import_file.file_name, import_row_reject.row_number, import_row_reject.reason,
    import_row_reject.raw_line, import_file.recorded_at AS imported_at
FROM import_row_reject JOIN import_file USING (import_id)
WHERE regexp_matches(import_row_reject.raw_line, $pattern)
ORDER BY import_row_reject.import_id, import_row_reject.row_number

-- name: person.messages
-- One row per message of any kind to this number, the oldest campaign first.
SELECT
    campaign.name AS campaign, campaign.draft ->> '$.title' AS title, campaign.kind, campaign.state AS campaign_state,
    status.state, status.reason, message.text, message.sender_id, message.segment_count,
    CASE WHEN status.state IN ('accepted', 'delivered', 'undelivered')
        THEN coalesce(message_charge.amount, message.price) END AS charged,
    message.origin, import_file.file_name, message.row_number, step.claimed_at, step.accepted_at, report.reported_at,
    status.changed_at, campaign.created_at, message.client_ref, status.gateway_message_id, campaign.gateway,
    reading.changed_at AS reports_read_at
FROM message
JOIN campaign USING (campaign_id)
JOIN message_status AS status USING (campaign_id, recipient_id)
LEFT JOIN message_charge USING (campaign_id, recipient_id)
LEFT JOIN import_file ON import_file.import_id = message.import_id
LEFT JOIN (
    SELECT
        campaign_id, recipient_id,
        max(recorded_at) FILTER (event = 'claimed') AS claimed_at,
        max(recorded_at) FILTER (event = 'accepted') AS accepted_at
    FROM message_event GROUP BY campaign_id, recipient_id
) AS step USING (campaign_id, recipient_id)
LEFT JOIN (
    SELECT client_ref, max(reported_at) AS reported_at FROM delivery_report
    WHERE status IN ('delivered', 'undelivered') AND applied_at IS NOT NULL GROUP BY client_ref
) AS report ON report.client_ref = message.client_ref
LEFT JOIN gateway_state AS reading ON reading.gateway = campaign.gateway AND reading.name = 'reports'
WHERE message.number_id = $number_id
ORDER BY campaign.campaign_id, message.recipient_id

-- name: person.exclusions
-- One row per campaign and source that left the person out, by the newest version of its recap.
SELECT
    campaign.name AS campaign, campaign.draft ->> '$.title' AS title, campaign.kind, campaign.state AS campaign_state,
    exclusion.reason, exclusion.origin, campaign.created_at
FROM exclusion JOIN campaign USING (campaign_id, version)
WHERE exclusion.number_id = $number_id
ORDER BY campaign.campaign_id, exclusion.origin

-- name: person.absent_campaigns
-- One row per campaign of people that had this number neither as a message nor as an exclusion.
SELECT
    campaign.name AS campaign, campaign.draft ->> '$.title' AS title, campaign.kind, campaign.state AS campaign_state,
    coalesce(array_to_string(CAST(campaign.draft -> '$.lists' AS VARCHAR[]), ', '), '') AS lists, campaign.created_at
FROM campaign
WHERE campaign.kind IN ('marketing', 'alert')
    AND campaign_id NOT IN (SELECT campaign_id FROM message WHERE number_id = $number_id)
    AND campaign_id NOT IN (
        SELECT exclusion.campaign_id FROM exclusion JOIN campaign USING (campaign_id, version)
        WHERE exclusion.number_id = $number_id
    )
ORDER BY campaign.campaign_id

-- name: person.replies
-- One row per reply of the person, the oldest first. $pattern: for replies whose sender could not be read as a number.
SELECT
    reply.reply_id, reply.gateway, reply.text, reply.verdict, campaign.name AS campaign,
    coalesce(reply.answer, 'waiting') AS answer, reply.received_at, reply.recorded_at, reply.settled_as,
    reply.settled_by, message.text AS message_text, posted.message_at, reply.handed_over_at, reply.mailed_at,
    campaign.draft ->> '$.reply_owner' AS reply_owner
FROM reply
LEFT JOIN campaign USING (campaign_id)
LEFT JOIN message ON message.campaign_id = reply.campaign_id AND message.recipient_id = reply.recipient_id
LEFT JOIN (
    SELECT campaign_id, recipient_id, max(recorded_at) AS message_at
    FROM message_event WHERE event = 'claimed' GROUP BY campaign_id, recipient_id
) AS posted ON posted.campaign_id = reply.campaign_id AND posted.recipient_id = reply.recipient_id
WHERE reply.number_id = $number_id
    OR (reply.number_id IS NULL AND regexp_matches(reply.sender, $pattern))
    OR (reply.sender = '(hidden)' AND reply.reply_id IN (
        SELECT unnest([reply_id, lifted_reply_id]) FROM opt_out_entry WHERE opt_out_key = opt_out_key($number_id)
    ))
ORDER BY reply.received_at, reply.reply_id

-- name: person.opt_outs
-- One row per opt-out of the person, also the lifted ones, in order.
SELECT
    entry_id, source, source_ref, channel, note, said_at, recorded_at, lifted_at, lifted_by, lifted_reply_id,
    lift_reason, pushed.pushed_to, pushed.pushed_at
FROM opt_out_entry
LEFT JOIN (
    SELECT entry_id, string_agg(gateway, ', ' ORDER BY gateway) AS pushed_to, min(pushed_at) AS pushed_at
    FROM opt_out_push GROUP BY entry_id
) AS pushed USING (entry_id)
WHERE opt_out_key = opt_out_key($number_id) ORDER BY entry_id

-- name: person.dead_number
-- Why the number counts as one that does not exist: at most one row.
SELECT reason, recorded_at FROM dead_number WHERE number_id = $number_id

-- name: person.dead_number_events
-- One row per event in the history of the number as a dead one, in order.
SELECT event.event, event.reason, event.evidence, import_file.file_name, event.row_number, event.recorded_at
FROM dead_number_event AS event LEFT JOIN import_file USING (import_id)
WHERE event.number_id = $number_id ORDER BY event.event_no

-- name: person.absences
-- The absences in a row until the last message: at most one row.
SELECT absence_count, first_at, last_at FROM absence WHERE number_id = $number_id
