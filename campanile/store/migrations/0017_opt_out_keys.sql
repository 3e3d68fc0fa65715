-- An opt-out is kept under the key of the person: the digits of the number, or a keyed hash of them if the store was
-- switched (SMS_SUPPRESSION=hmac). Every statement joins on opt_out_key(number_id), so no statement has two forms.

-- The key of a number. The switch replaces this macro by one that hashes, and that refuses another key (opt_out_keys.py).
CREATE MACRO opt_out_key(number_id) AS number_id;
-- The number behind a key; NULL: the key is a hash. Hashes are 2^62 and more, and numbers of erased people below 0.
CREATE MACRO opt_out_msisdn(kept_key) AS CASE WHEN kept_key BETWEEN 0 AND 4611686018427387903 THEN '+' || kept_key END;
-- A text beside a hash: its digits are hidden if the last eight of the number are among them.
CREATE MACRO without_number(said, number_id) AS CASE
    WHEN opt_out_key(number_id) <> number_id
        AND contains(regexp_replace(said, '\D', '', 'g'), right(CAST(number_id AS VARCHAR), 8))
        THEN regexp_replace(said, '\d', '*', 'g')
    ELSE said
END;

DROP VIEW source_quality;
DROP VIEW import_quality;
DROP VIEW opt_out_of_campaign;
DROP VIEW opt_out;

ALTER TABLE opt_out_entry RENAME COLUMN number_id TO opt_out_key;
ALTER TABLE opt_out_entry DROP COLUMN msisdn;
ALTER TABLE opt_out_push RENAME COLUMN number_id TO opt_out_key;

-- Who is opted out now: one row a person, with the first ground that was not lifted. msisdn: NULL if the key is a hash.
CREATE VIEW opt_out AS
SELECT
    opt_out_key,
    min(entry_id) AS entry_id,
    opt_out_msisdn(opt_out_key) AS msisdn,
    arg_min(source, entry_id) AS source,
    arg_min_null(source_ref, entry_id) AS source_ref,
    arg_min(recorded_at, entry_id) AS recorded_at,
    arg_min_null(said_at, entry_id) AS said_at,
    arg_min_null(channel, entry_id) AS channel,
    arg_min_null(note, entry_id) AS note
FROM opt_out_entry
WHERE lifted_at IS NULL
GROUP BY opt_out_key;

-- One row an opt-out and the campaign that led to it: the campaign of its reply. One from a list of the gateway has the last
-- campaign that the person had got before. Opt-outs from files and colleagues belong to no campaign.
CREATE VIEW opt_out_of_campaign AS
SELECT
    opt_out_entry.entry_id,
    opt_out_entry.opt_out_key,
    opt_out_msisdn(opt_out_entry.opt_out_key) AS msisdn,
    opt_out_entry.source,
    opt_out_entry.source_ref,
    opt_out_entry.reply_id,
    opt_out_entry.recorded_at,
    opt_out_entry.said_at,
    opt_out_entry.channel,
    opt_out_entry.note,
    opt_out_entry.lifted_at,
    opt_out_entry.lifted_by,
    reply.campaign_id
FROM opt_out_entry JOIN reply USING (reply_id)
WHERE reply.campaign_id IS NOT NULL
UNION ALL
SELECT
    listed.entry_id,
    listed.opt_out_key,
    opt_out_msisdn(listed.opt_out_key) AS msisdn,
    listed.source,
    listed.source_ref,
    listed.reply_id,
    listed.recorded_at,
    listed.said_at,
    listed.channel,
    listed.note,
    listed.lifted_at,
    listed.lifted_by,
    last_got.campaign_id
FROM opt_out_entry AS listed
JOIN (
    SELECT opt_out_entry.entry_id, arg_max(message_event.campaign_id, message_event.event_id) AS campaign_id
    FROM opt_out_entry
    JOIN message ON opt_out_key(message.number_id) = opt_out_entry.opt_out_key
    JOIN campaign ON campaign.campaign_id = message.campaign_id AND campaign.kind IN ('marketing', 'alert')
    JOIN message_event
        ON message_event.campaign_id = message.campaign_id
        AND message_event.recipient_id = message.recipient_id
        AND message_event.event = 'accepted'
        AND message_event.event_id <= opt_out_entry.after_event_id
    WHERE opt_out_entry.reply_id IS NULL AND opt_out_entry.source = 'gateway'
    GROUP BY opt_out_entry.entry_id
) AS last_got USING (entry_id);

-- One row an import of contacts. `source`: the file name with its digits out, so that a partner's weekly files are one.
CREATE VIEW import_quality AS
SELECT
    import_file.import_id,
    contact_list.list_name,
    import_file.file_name,
    regexp_replace(import_file.file_name, '[0-9]+', '#', 'g') AS source,
    import_file.recorded_at,
    import_file.row_count,
    import_file.rejected_count,
    import_file.duplicate_count,
    CAST(import_file.rejected_count AS DOUBLE) / nullif(import_file.row_count, 0) AS rejected_share,
    CAST(import_file.duplicate_count AS DOUBLE) / nullif(import_file.row_count, 0) AS duplicate_share,
    coalesce(brought.opted_out_later, 0) AS opted_out_later,
    coalesce(brought.dead_later, 0) AS dead_later,
    import_file.undone_at
FROM import_file
JOIN contact_list ON contact_list.list_id = import_file.list_id
LEFT JOIN (
    SELECT
        import_row.import_id,
        count(*) FILTER (opt_out.recorded_at > brought_by.recorded_at) AS opted_out_later,
        count(*) FILTER (dead_number.recorded_at > brought_by.recorded_at) AS dead_later
    FROM import_row
    JOIN import_file AS brought_by ON brought_by.import_id = import_row.import_id
    LEFT JOIN opt_out ON opt_out.opt_out_key = opt_out_key(import_row.number_id)
    LEFT JOIN dead_number ON dead_number.number_id = import_row.number_id
    WHERE import_row.fate = 'accepted'
    GROUP BY import_row.import_id
) AS brought ON brought.import_id = import_file.import_id
WHERE import_file.kind = 'contacts';

-- The same by list, source and month; files that were undone count, for they were sent.
CREATE VIEW source_quality AS
SELECT
    list_name,
    source,
    CAST(date_trunc('month', recorded_at) AS DATE) AS month_on,
    count(*) AS file_count,
    count(undone_at) AS undone_count,
    CAST(sum(row_count) AS BIGINT) AS row_count,
    CAST(sum(rejected_count) AS DOUBLE) / nullif(sum(row_count), 0) AS rejected_share,
    CAST(sum(duplicate_count) AS DOUBLE) / nullif(sum(row_count), 0) AS duplicate_share,
    CAST(sum(opted_out_later) AS BIGINT) AS opted_out_later,
    CAST(sum(dead_later) AS BIGINT) AS dead_later
FROM import_quality
GROUP BY list_name, source, date_trunc('month', recorded_at);
