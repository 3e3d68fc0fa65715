-- Opt-outs: record, lift, count.

-- name: opt_out.stage_said
-- staged_rows: ContactRows
-- What the file says of each opt-out. Grain: one valid row. Key: row_number. $date_path and $source_path: the fields
-- with the date and the channel. A date without an offset is local to $zone. A date that is unreadable or in the future
-- is kept as text only.
CREATE OR REPLACE TEMP TABLE staged_said AS
WITH given AS (
    SELECT
        row_number,
        number_id,
        nullif(trim(fields ->> CAST($date_path AS VARCHAR)), '') AS said,
        nullif(trim(fields ->> CAST($source_path AS VARCHAR)), '') AS channel
    FROM staged_rows
),
moment AS (
    SELECT
        *,
        CASE
            WHEN regexp_matches(said, '^\d{4}-\d\d-\d\d[T ].*(Z|[+-]\d\d(:?\d\d)?)$') THEN try_cast(said AS TIMESTAMPTZ)
            ELSE timezone($zone, try_strptime(said, [
                '%Y-%m-%d', '%Y-%m-%d %H:%M', '%Y-%m-%d %H:%M:%S', '%Y-%m-%d %H:%M:%S.%f',
                '%Y-%m-%dT%H:%M', '%Y-%m-%dT%H:%M:%S', '%Y-%m-%dT%H:%M:%S.%f',
                '%d/%m/%Y', '%d/%m/%Y %H:%M', '%d/%m/%Y %H:%M:%S', '%d.%m.%Y', '%d.%m.%Y %H:%M', '%d.%m.%Y %H:%M:%S',
                '%d-%m-%Y', '%d-%m-%Y %H:%M', '%d-%m-%Y %H:%M:%S'
            ]))
        END AS read_at
    FROM given
)
SELECT row_number, number_id, said, channel, CASE WHEN read_at BETWEEN '1990-01-01' AND $at THEN read_at END AS said_at
FROM moment

-- name: opt_out.keep_rows
-- staged_rows: ContactRows
-- staged_said: SaidOptOuts
-- Record the outcome of each valid row. accepted: a new opt-out. updated: a known one with an earlier date than was
-- known; one without a date counts from its recording. duplicate: any other row. If opt-outs are kept as keyed hashes,
-- number_id is the key, and the fields are left out: they name the person.
INSERT INTO import_row (import_id, row_number, number_id, territory, fields, fate, of_import_id, of_row_number)
SELECT
    $import_id,
    staged_rows.row_number,
    opt_out_key(staged_rows.number_id),
    staged_rows.territory,
    CASE WHEN opt_out_key(staged_rows.number_id) = staged_rows.number_id THEN staged_rows.fields ELSE '{}' END,
    CASE
        WHEN NOT stop.is_known AND stop.row_number = stop.first_row THEN 'accepted'
        WHEN stop.said_at < stop.known_at THEN 'updated'
        ELSE 'duplicate'
    END,
    CASE WHEN stop.is_known THEN origin.import_id WHEN stop.row_number > stop.first_row THEN $import_id END,
    CASE WHEN stop.is_known THEN origin.row_number WHEN stop.row_number > stop.first_row THEN stop.first_row END
FROM staged_rows
JOIN (
    SELECT
        staged_said.row_number,
        staged_said.said_at,
        opt_out.opt_out_key IS NOT NULL AS is_known,
        min(staged_said.row_number) OVER (PARTITION BY staged_said.number_id) AS first_row,
        least(
            coalesce(opt_out.said_at, opt_out.recorded_at, $at),
            min(coalesce(staged_said.said_at, $at)) OVER (
                PARTITION BY staged_said.number_id ORDER BY staged_said.row_number
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            )
        ) AS known_at
    FROM staged_said LEFT JOIN opt_out ON opt_out.opt_out_key = opt_out_key(staged_said.number_id)
) AS stop USING (row_number)
LEFT JOIN (
    SELECT import_row.number_id, import_row.import_id, import_row.row_number
    FROM import_row JOIN import_file USING (import_id)
    WHERE import_file.kind = 'opt_outs' AND import_row.fate = 'accepted'
) AS origin ON origin.number_id = opt_out_key(staged_rows.number_id)

-- name: opt_out.count_known
-- staged_rows: ContactRows
-- The number of rows whose person is opted out already.
SELECT count(*) FROM staged_rows WHERE opt_out_key(number_id) IN (SELECT opt_out_key FROM opt_out)

-- name: opt_out.stage_stops
-- staged_said: SaidOptOuts
-- The opt-outs of a file, ready to be recorded. Grain: one row of the file. Key: position.
CREATE OR REPLACE TEMP TABLE staged_stops AS
SELECT
    row_number AS position,
    number_id,
    'file' AS source,
    'import ' || $import_id || ', row ' || row_number
        || CASE WHEN said IS NOT NULL AND said_at IS NULL THEN ': ' || left(said, 100) ELSE '' END AS source_ref,
    CAST(NULL AS BIGINT) AS reply_id,
    said_at,
    left(channel, 100) AS channel,
    CAST(NULL AS VARCHAR) AS note
FROM staged_said

-- name: opt_out.add
-- staged_stops: OptOuts
-- Record opt-outs. Grain: one ground of one person: (opt_out_key, source, reply_id). A ground that holds already is not
-- added again.
INSERT INTO opt_out_entry (
    entry_id, opt_out_key, source, source_ref, reply_id, recorded_at, said_at, channel, note, after_event_id
)
SELECT
    (SELECT coalesce(max(entry_id), 0) FROM opt_out_entry) + row_number() OVER (ORDER BY position),
    opt_out_key, source, source_ref, reply_id, $at, said_at, channel, note,
    (SELECT coalesce(max(event_id), 0) FROM message_event)
FROM (
    SELECT
        opt_out_key(number_id) AS opt_out_key, source, reply_id, min(position) AS position,
        arg_min(without_number(source_ref, number_id), position) AS source_ref, min(said_at) AS said_at,
        arg_min(without_number(channel, number_id), position) AS channel,
        arg_min(without_number(note, number_id), position) AS note
    FROM staged_stops GROUP BY opt_out_key(number_id), source, reply_id
) AS ground
WHERE NOT EXISTS (
    SELECT 1 FROM opt_out_entry AS known
    WHERE known.opt_out_key = ground.opt_out_key
        AND known.source = ground.source
        AND known.reply_id IS NOT DISTINCT FROM ground.reply_id
        AND known.lifted_at IS NULL
)

-- name: opt_out.count_new
-- staged_stops: OptOuts
-- The number of people who are not opted out yet.
SELECT count(DISTINCT number_id) FROM staged_stops
WHERE opt_out_key(number_id) NOT IN (SELECT opt_out_key FROM opt_out_entry WHERE lifted_at IS NULL)

-- name: opt_out.without_echoes
-- staged_rows: ProviderOptOuts
-- The provider's opt-outs without those that repeat a STOP which is stored as a reply: within ten minutes of it, and
-- before it was lifted. A later entry is a new ground. Nor those that we pushed to that list within ten minutes: a START
-- lifts the person's own STOP, and must not leave a copy of it. Grain: one entry of the provider's list.
SELECT number_id FROM staged_rows ANTI JOIN (
    SELECT entry.opt_out_key, reply.received_at, coalesce(start.received_at, entry.lifted_at) AS ended_at
    FROM opt_out_entry AS entry JOIN reply USING (reply_id)
    LEFT JOIN reply AS start ON start.reply_id = entry.lifted_reply_id
    WHERE reply.gateway = $gateway AND entry.source IN ('reply', 'reply_doubtful')
) AS own
    ON own.opt_out_key = opt_out_key(staged_rows.number_id)
    AND staged_rows.opted_out_at BETWEEN own.received_at - INTERVAL 10 MINUTE AND own.received_at + INTERVAL 10 MINUTE
    AND (own.ended_at IS NULL OR staged_rows.opted_out_at < own.ended_at) -- guard: no-echo
ANTI JOIN (SELECT opt_out_key, pushed_at FROM opt_out_push WHERE gateway = $gateway) AS pushed
    ON pushed.opt_out_key = opt_out_key(staged_rows.number_id)
    AND staged_rows.opted_out_at
        BETWEEN pushed.pushed_at - INTERVAL 10 MINUTE AND pushed.pushed_at + INTERVAL 10 MINUTE -- guard: no-push-echo

-- name: opt_out.lift_by_start
-- staged_rows: StartReplies
-- Lift the opt-outs of people who wrote START after their STOP, by the time that counts. If the time of the START is
-- not believed (counts_at differs from received_at), the STOP must also be recorded before the START was read. Only a
-- person's own STOPs are lifted: never a provider's list, a wrong number, a file, or what a colleague recorded.
UPDATE opt_out_entry SET
    lifted_at = $at, lifted_by = 'the person', lifted_reply_id = own.start_id,
    lifted_after_event_id = (SELECT coalesce(max(event_id), 0) FROM message_event)
FROM (
    SELECT entry.entry_id, min(start.reply_id) AS start_id
    FROM staged_rows
    JOIN reply AS start USING (reply_id)
    JOIN opt_out_entry AS entry ON entry.opt_out_key = opt_out_key(start.number_id)
    LEFT JOIN reply AS stop ON stop.reply_id = entry.reply_id
    WHERE start.verdict = 'start'
        AND entry.lifted_at IS NULL
        AND entry.source IN ('reply', 'reply_doubtful') -- guard: own-stops-only
        AND coalesce(stop.counts_at, entry.recorded_at) < start.counts_at -- guard: last-word
        AND (start.counts_at = start.received_at OR entry.recorded_at < start.recorded_at)
    GROUP BY entry.entry_id
) AS own
WHERE own.entry_id = opt_out_entry.entry_id

-- name: opt_out.lift_reply
-- Lift the opt-out of one doubtful reply: a person decided that it was no STOP.
UPDATE opt_out_entry SET
    lifted_at = $at, lifted_by = $actor,
    lifted_after_event_id = (SELECT coalesce(max(event_id), 0) FROM message_event)
WHERE reply_id = $reply_id AND source = 'reply_doubtful' AND lifted_at IS NULL

-- name: opt_out.in_force
-- The opt-outs that are in force, the oldest first: of a number, or the one with $entry_id. NULL: not asked for.
SELECT entry_id, opt_out_msisdn(opt_out_key) AS msisdn, source, recorded_at FROM opt_out_entry
WHERE lifted_at IS NULL AND (opt_out_key = opt_out_key($number_id) OR entry_id = $entry_id)
ORDER BY entry_id

-- name: opt_out.undo
-- Lift opt-outs that were recorded by mistake: a named person says why. $number_id: as the person typed it, or NULL.
UPDATE opt_out_entry SET
    lifted_at = $at, lifted_by = $actor, lift_reason = without_number($reason, $number_id),
    lifted_after_event_id = (SELECT coalesce(max(event_id), 0) FROM message_event)
WHERE list_contains($entry_ids, entry_id) AND lifted_at IS NULL

-- name: opt_out.export
-- Every opt-out with its proof, also those that were lifted. Grain: one ground of one person. Key: entry_id. number: NULL
-- if opt-outs are kept as keyed hashes.
SELECT
    entry.entry_id, opt_out_msisdn(entry.opt_out_key) AS number, entry.lifted_at IS NULL AS is_in_force, entry.source,
    coalesce(entry.said_at, reply.received_at, entry.recorded_at) AS said_at, entry.recorded_at,
    reply.text, reply.gateway, reply.gateway_reply_id, campaign.name AS campaign,
    message.client_ref AS message_client_ref, entry.source_ref, entry.channel, entry.note,
    entry.lifted_at, entry.lifted_by, entry.lift_reason, start.text AS lifting_text,
    start.received_at AS lifting_received_at
FROM opt_out_entry AS entry
LEFT JOIN reply USING (reply_id)
LEFT JOIN reply AS start ON start.reply_id = entry.lifted_reply_id
LEFT JOIN campaign ON campaign.campaign_id = reply.campaign_id
LEFT JOIN message ON message.campaign_id = reply.campaign_id AND message.recipient_id = reply.recipient_id
ORDER BY entry.entry_id

-- name: opt_out.to_push
-- The people who are opted out and are not in the list of a gateway yet, at most $most. Those that the gateway told us
-- are there. Grain: one person, by the oldest opt-out in force. No rows if opt-outs are kept as keyed hashes.
SELECT opt_out.entry_id, opt_out.msisdn
FROM opt_out
ANTI JOIN (SELECT entry_id FROM opt_out_push WHERE gateway = $gateway) AS pushed USING (entry_id)
WHERE opt_out.msisdn IS NOT NULL
    AND NOT (opt_out.source = 'gateway' AND ends_with(coalesce(opt_out.source_ref, ''), ' ' || $gateway))
ORDER BY opt_out.entry_id LIMIT $most

-- name: opt_out.mark_pushed
-- staged_rows: PushedOptOuts
-- Record the opt-outs that are added to the list of a gateway.
INSERT INTO opt_out_push (gateway, entry_id, opt_out_key, pushed_at)
SELECT $gateway, entry_id, entry.opt_out_key, $at FROM staged_rows JOIN opt_out_entry AS entry USING (entry_id)
WHERE entry_id NOT IN (SELECT entry_id FROM opt_out_push WHERE gateway = $gateway)

-- name: opt_out.rest
-- The opt-out that still applies to the person of an opt-out, or of a reply that was one: at most one row.
SELECT source, source_ref, recorded_at FROM opt_out
WHERE opt_out_key IN (SELECT opt_out_key FROM opt_out_entry WHERE entry_id = $entry_id OR reply_id = $reply_id)

-- name: opt_out.of_recipients
-- One row per recipient of a campaign who is opted out.
SELECT DISTINCT message.number_id
FROM message SEMI JOIN opt_out ON opt_out.opt_out_key = opt_out_key(message.number_id)
WHERE message.campaign_id = $campaign_id

-- name: opt_out.numbers
-- staged_stops: OptOuts
-- One row per person of the staged opt-outs.
SELECT DISTINCT number_id FROM staged_stops

-- name: opt_out.set_said
-- staged_stops: OptOuts
-- Move said_at of an opt-out to an earlier time if the staged rows have one: the earliest time is the proof. The note
-- says where the time comes from.
UPDATE opt_out_entry SET
    said_at = stop.said_at,
    channel = coalesce(opt_out_entry.channel, without_number(stop.channel, stop.number_id)),
    note = concat_ws(
        '; ', opt_out_entry.note,
        'said_at from ' || coalesce(without_number(stop.source_ref, stop.number_id), stop.source)
    )
FROM opt_out, (
    SELECT
        number_id, min(said_at) AS said_at, arg_min(source, said_at) AS source,
        arg_min(source_ref, said_at) AS source_ref, arg_min(channel, said_at) AS channel
    FROM staged_stops WHERE said_at IS NOT NULL GROUP BY number_id
) AS stop
WHERE opt_out_entry.entry_id = opt_out.entry_id
    AND opt_out_key(stop.number_id) = opt_out.opt_out_key
    AND stop.said_at < coalesce(opt_out.said_at, opt_out.recorded_at)

-- name: opt_out.count
-- The number of people who are opted out.
SELECT count(*) FROM opt_out
