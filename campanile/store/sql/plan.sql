-- Scratch tables on which the messages of a campaign are prepared.

-- name: plan.stage_candidates
-- staged_typed: TypedNumbers
-- The audience. Grain: one contact of one list, and one typed number. Key: (source_no, number_id); source_no follows
-- $list_ids. reason: why the candidate is excluded, the first that applies; NULL: not excluded.
-- consent_refused: a file of one of the lists says no, so no list may be used. no_consent: the list has no legal basis,
-- or only 'service'. inactive: neither the file nor a reply shows the person after $seen_since; if the file has no
-- date, the time of its import counts. had_enough: $most_messages marketing messages since $counted_since.
-- The file's dates are in consent_on and last_active_on; contacts of older imports have only the cells in consent_at
-- and last_active_at. A date that is unreadable or in the future counts as the oldest of all, never as the newest.
-- $honours_opt_outs, $honours_refusals and $needs_legal_basis: whether these rules bind this kind of campaign.
CREATE OR REPLACE TEMP TABLE staged_candidates AS
SELECT
    source.source_no, source.origin, source.import_id, source.row_number, source.number_id, source.territory,
    source.fields,
    CASE
        WHEN $honours_opt_outs AND opt_out.opt_out_key IS NOT NULL THEN 'opted_out'
        WHEN refused.number_id IS NOT NULL THEN 'consent_refused' -- guard: consent-refused
        WHEN dead_number.number_id IS NOT NULL THEN 'dead_number'
        WHEN left_out.number_id IS NOT NULL THEN 'excluded_list'
        WHEN source.lacks_basis THEN 'no_consent'
        WHEN source.last_seen_at < CAST($seen_since AS TIMESTAMPTZ)
            AND coalesce(heard.received_at < CAST($seen_since AS TIMESTAMPTZ), true) THEN 'inactive'
        WHEN served.number_id IS NOT NULL THEN 'had_enough'
    END AS reason
FROM (
    SELECT
        list_position($list_ids, contact.list_id) AS source_no,
        contact_list.list_name AS origin,
        contact.import_id,
        contact.row_number,
        contact.number_id,
        contact.territory,
        contact.fields,
        $needs_legal_basis AND coalesce(contact_list.legal_basis, 'service') = 'service' AS lacks_basis,
        CASE WHEN $seen_since IS NOT NULL THEN coalesce(
            list_max(list_transform(
                list_transform(
                    list_zip(
                        json_extract_string(contact.fields, ['/consent_on', '/last_active_on']),
                        json_extract_string(contact.fields, ['/consent_at', '/last_active_at'])
                    ),
                    lambda cell: CASE
                        WHEN cell[1] IS NOT NULL THEN coalesce(try_cast(cell[1] AS TIMESTAMP), TIMESTAMP '0001-01-01')
                        WHEN cell[2] IS NOT NULL THEN coalesce(
                            try_strptime(cell[2], [
                                '%d/%m/%y', '%d/%m/%Y', '%d/%m/%y %H:%M', '%d/%m/%Y %H:%M', '%d/%m/%y %H:%M:%S',
                                '%d/%m/%Y %H:%M:%S', '%d.%m.%y', '%d.%m.%Y', '%d-%m-%y', '%d-%m-%Y'
                            ]),
                            try_cast(cell[2] AS TIMESTAMP),
                            TIMESTAMP '0001-01-01'
                        )
                    END
                ),
                lambda day: CASE
                    WHEN day > CAST($at AS TIMESTAMPTZ) + INTERVAL 2 DAY THEN TIMESTAMP '0001-01-01' ELSE day
                END
            )),
            contact.updated_at
        ) END AS last_seen_at
    FROM contact JOIN contact_list USING (list_id)
    WHERE list_contains($list_ids, contact.list_id)
    UNION ALL
    SELECT
        len($list_ids) + row_number, 'typed', NULL, row_number, number_id, territory, '{}', false, NULL
    FROM staged_typed
) AS source
LEFT JOIN opt_out ON opt_out.opt_out_key = opt_out_key(source.number_id) -- guard: keyed-audience
LEFT JOIN (
    SELECT DISTINCT number_id FROM contact
    WHERE $honours_refusals AND list_contains($list_ids, list_id)
        AND contains(fields, '"sms_consent"') AND json_extract_string(fields, '/sms_consent') = 'no'
) AS refused USING (number_id)
LEFT JOIN dead_number USING (number_id)
LEFT JOIN (
    SELECT DISTINCT number_id FROM contact WHERE list_contains($excluded_list_ids, list_id)
) AS left_out USING (number_id)
LEFT JOIN (
    SELECT number_id, max(received_at) AS received_at FROM reply WHERE $seen_since IS NOT NULL GROUP BY number_id
) AS heard USING (number_id)
LEFT JOIN (
    SELECT number_id FROM marketing_message
    WHERE $most_messages IS NOT NULL
        AND campaign <> $campaign
        AND (is_open OR accepted_at >= CAST($counted_since AS TIMESTAMPTZ))
    GROUP BY number_id
    HAVING count(*) >= CAST($most_messages AS BIGINT)
) AS served USING (number_id)

-- name: plan.mark_duplicates
-- staged_candidates: Candidates
-- Keep one candidate per number, whatever the order of the lists: the one with most of the fields that the text needs
-- ($needed), then with most of the fields that it names ($named), then the newest. Both parameters are lists of JSON
-- pointers.
UPDATE staged_candidates SET reason = 'duplicate'
FROM (
    SELECT
        source_no, number_id,
        row_number() OVER (PARTITION BY number_id ORDER BY
            len(list_filter(json_extract_string(fields, $needed), lambda cell: cell IS NOT NULL)) DESC,
            len(list_filter(json_extract_string(fields, $named), lambda cell: cell IS NOT NULL)) DESC,
            import_id DESC NULLS LAST,
            row_number DESC
        ) AS rank_no
    FROM staged_candidates
    WHERE reason IS NULL AND number_id IN (
        SELECT number_id FROM staged_candidates WHERE reason IS NULL GROUP BY number_id HAVING count(*) > 1
    )
) AS ranked
WHERE staged_candidates.number_id = ranked.number_id
    AND staged_candidates.source_no = ranked.source_no
    AND ranked.rank_no > 1

-- name: plan.territories
-- staged_candidates: Candidates
-- One row per territory of the candidates that are not excluded.
SELECT DISTINCT territory FROM staged_candidates WHERE reason IS NULL ORDER BY territory

-- name: plan.stage_recipients
-- staged_candidates: Candidates
-- The candidates that are not excluded. Grain and key: number_id. cells: the values of $pointers, in that order; the
-- postcode is the last.
CREATE OR REPLACE TEMP TABLE staged_recipients AS
SELECT origin, import_id, row_number, number_id, territory, json_extract_string(fields, $pointers) AS cells
FROM staged_candidates WHERE reason IS NULL

-- name: plan.addresses
-- staged_recipients: Recipients
-- One row per territory and postcode: the number of recipients.
SELECT territory, cells[-1] AS postcode, count(*) AS recipient_count
FROM staged_recipients GROUP BY territory, postcode

-- name: plan.mark_never_open
-- staged_candidates: Candidates
-- staged_recipients: Recipients
-- staged_closed: ClosedAddresses
-- Exclude candidates whose window never opens under the policy.
UPDATE staged_candidates SET reason = 'never_open'
FROM staged_recipients
JOIN staged_closed
    ON staged_closed.territory = staged_recipients.territory
    AND staged_closed.postcode IS NOT DISTINCT FROM staged_recipients.cells[-1]
WHERE staged_candidates.number_id = staged_recipients.number_id AND staged_candidates.reason IS NULL

-- name: plan.drop_never_open
-- staged_recipients: Recipients
-- staged_closed: ClosedAddresses
-- Delete the recipients whose window never opens.
DELETE FROM staged_recipients WHERE EXISTS (
    SELECT 1 FROM staged_closed
    WHERE staged_closed.territory = staged_recipients.territory
        AND staged_closed.postcode IS NOT DISTINCT FROM staged_recipients.cells[-1]
)

-- name: plan.longest_cell
-- staged_recipients: Recipients
-- The longest value of one merge field. $cell_no: its position in cells, from 1.
SELECT coalesce(arg_max(cells[$cell_no], length(cells[$cell_no])), '') AS cell FROM staged_recipients

-- name: plan.queued
-- staged_recipients: Recipients
-- staged_terms: TerritoryTerms
-- staged_addresses: WindowKeys
-- staged_queue: WindowQueue
-- Recipients in the order of the queue. Grain and key: recipient_no, from 1. No slice has two window keys. The query
-- for the text is written around this one, from the words of the draft.
SELECT
    row_number() OVER (ORDER BY staged_queue.first_no, staged_recipients.number_id) AS recipient_no,
    staged_recipients.*,
    staged_terms.stop_mention,
    staged_terms.segment_price,
    staged_queue.window_key,
    staged_queue.first_no,
    staged_queue.first_slice_no
FROM staged_recipients
JOIN staged_terms USING (territory)
JOIN staged_addresses
    ON staged_addresses.territory = staged_recipients.territory
    AND staged_addresses.postcode IS NOT DISTINCT FROM staged_recipients.cells[-1]
JOIN staged_queue USING (window_key)

-- name: plan.texts
-- staged_texts: Texts
-- One row per text of a range of recipients.
SELECT recipient_no, text FROM staged_texts
WHERE text IS NOT NULL AND recipient_no BETWEEN $first_no AND $last_no

-- name: plan.rewrite_texts
-- staged_texts: Texts
-- staged_rewritten: RewrittenTexts
-- Write the texts whose characters were replaced.
UPDATE staged_texts SET text = staged_rewritten.text
FROM staged_rewritten WHERE staged_rewritten.recipient_no = staged_texts.recipient_no

-- name: plan.stage_sizes
-- staged_scans: TextSizes
-- The sizes of the texts. Grain and key: recipient_no.
CREATE OR REPLACE TEMP TABLE staged_sizes AS
SELECT * FROM staged_scans

-- name: plan.stage_messages
-- staged_texts: Texts
-- staged_sizes: TextSizes
-- The messages, in the order of the queue. Grain and key: recipient_id. price is the price of all segments of a
-- message.
CREATE OR REPLACE TEMP TABLE staged_messages AS
SELECT
    number_id AS recipient_id,
    number_id,
    '+' || number_id AS msisdn,
    text,
    CASE WHEN is_ucs2 THEN 'UCS-2' ELSE 'GSM-7' END AS encoding,
    $sender_id AS sender_id,
    segment_count,
    CAST(segment_price AS DECIMAL(18, 6)) * segment_count AS price,
    territory,
    window_key,
    slice_no,
    origin,
    import_id,
    row_number,
    unit_count,
    CAST(segment_price AS DECIMAL(18, 6)) AS segment_price,
    typography,
    accents,
    is_defaulted
FROM staged_texts
JOIN staged_sizes USING (recipient_no)
ORDER BY recipient_no

-- name: plan.loads
-- staged_messages: PricedMessages
-- One row per window_key in the order of the queue: message and segment counts.
SELECT window_key, count(*) AS message_count, CAST(sum(segment_count) AS BIGINT) AS segment_count
FROM staged_messages GROUP BY window_key ORDER BY min(slice_no)

-- name: plan.stage_exclusions
-- staged_candidates: Candidates
-- staged_texts: Texts
-- The exclusions. Grain: one contact of one source, with one reason.
CREATE OR REPLACE TEMP TABLE staged_exclusions AS
SELECT number_id, '+' || number_id AS msisdn, reason, origin, import_id, row_number
FROM staged_candidates WHERE reason IS NOT NULL
UNION ALL
SELECT number_id, '+' || number_id, 'missing_field', origin, import_id, row_number
FROM staged_texts WHERE text IS NULL

-- name: plan.sources
-- staged_candidates: Candidates
-- staged_messages: PricedMessages
-- One row per list, and one for the typed numbers: contacts, and the messages they get.
SELECT source.origin, source.contact_count, coalesce(kept.message_count, 0) AS message_count
FROM (
    SELECT origin, min(source_no) AS source_no, count(*) AS contact_count FROM staged_candidates GROUP BY origin
) AS source
LEFT JOIN (SELECT origin, count(*) AS message_count FROM staged_messages GROUP BY origin) AS kept USING (origin)
ORDER BY source.source_no

-- name: plan.sizes
-- staged_messages: PricedMessages
-- One row per encoding and size: messages and their price.
SELECT encoding, unit_count, segment_count, count(*) AS message_count, sum(price) AS price
FROM staged_messages GROUP BY encoding, unit_count, segment_count ORDER BY encoding, unit_count, segment_count

-- name: plan.savings
-- staged_messages: PricedMessages
-- What the replacement of characters would save. One row per level, with the number of messages that get shorter. A
-- text that stays UCS-2 may get longer.
SELECT
    level,
    count(*) FILTER (replaced_count < segment_count) AS message_count,
    sum(segment_count - replaced_count) AS segment_count,
    sum((segment_count - replaced_count) * segment_price) AS price
FROM staged_messages
UNPIVOT (replaced_count FOR level IN (typography, accents))
WHERE replaced_count <> segment_count
GROUP BY level

-- name: plan.defaulted
-- staged_messages: PricedMessages
-- The number of messages with a default value, and one of their recipients.
SELECT count(*) AS message_count, min(recipient_id) AS recipient_id FROM staged_messages WHERE is_defaulted

-- name: plan.stage_leftovers
-- staged_recipients: Recipients
-- staged_messages: PricedMessages
-- The cells that match $pattern: content that is not meant for a phone. Grain: one recipient and field. $field_count:
-- how many fields the text names.
CREATE OR REPLACE TEMP TABLE staged_leftovers AS
SELECT field.field_no, field.cell, staged_messages.price
FROM (
    SELECT number_id, unnest(range(1, $field_count + 1)) AS field_no, unnest(cells[:$field_count]) AS cell
    FROM staged_recipients
) AS field
JOIN staged_messages USING (number_id)
WHERE regexp_matches(field.cell, $pattern)

-- name: plan.leftovers
-- staged_leftovers: LeftoverCells
-- One row per field, for one kind of content: messages with it, their price, and the shortest example.
SELECT field_no, count(*) AS message_count, sum(price) AS price, arg_min(cell, (length(cell), cell)) AS example
FROM staged_leftovers WHERE regexp_matches(cell, $pattern)
GROUP BY field_no ORDER BY field_no

-- name: plan.texts_with
-- staged_messages: PricedMessages
-- One row per text that matches $pattern.
SELECT text, segment_count, CAST(segment_price AS VARCHAR) AS segment_price
FROM staged_messages WHERE regexp_matches(text, $pattern)

-- name: plan.broken_messages
-- staged_messages: PricedMessages
-- The last check before messages are stored. One row: the number of messages with each defect.
SELECT
    count(*) FILTER (NOT regexp_full_match(msisdn, '\+[1-9][0-9]{6,14}')) AS no_number,
    count(*) FILTER (text IS NULL OR text = '') AS no_text,
    count(*) FILTER (segment_count IS NULL OR segment_count < 1) AS no_segment,
    count(*) FILTER (price IS NULL OR price < 0) AS no_price,
    count(*) FILTER (window_key IS NULL OR slice_no IS NULL OR slice_no < 1) AS no_window
FROM staged_messages
