-- Opt-outs with a history, and what replies mean in the words that docs/replies.md explains.

-- One row a person and ground: a source, and for replies each reply. Rows are never deleted. A ground that was lifted says
-- when, by whom, and by which reply (NULL: a named person decided). after_event_id, lifted_after_event_id: the newest
-- message event then.
CREATE TABLE opt_out_entry (
    entry_id BIGINT PRIMARY KEY,
    number_id BIGINT NOT NULL,
    msisdn VARCHAR NOT NULL,
    source VARCHAR NOT NULL,
    source_ref VARCHAR,
    reply_id BIGINT,
    recorded_at TIMESTAMPTZ NOT NULL,
    said_at TIMESTAMPTZ,
    channel VARCHAR,
    note VARCHAR,
    lifted_at TIMESTAMPTZ,
    lifted_by VARCHAR,
    lifted_reply_id BIGINT,
    after_event_id BIGINT,
    lifted_after_event_id BIGINT
);
INSERT INTO opt_out_entry
SELECT
    row_number() OVER (ORDER BY recorded_at, number_id),
    number_id,
    msisdn,
    CASE source WHEN 'reply_review' THEN 'reply_doubtful' ELSE source END,
    source_ref,
    CASE WHEN source IN ('reply', 'reply_review') THEN try_cast(regexp_extract(source_ref, '^reply (\d+)$', 1) AS BIGINT) END,
    recorded_at, said_at, channel, note, NULL, NULL, NULL, after_event_id, NULL
FROM opt_out;
DROP TABLE opt_out;

-- counts_at: received_at, or the time of reading where that cannot be true; every decision goes by it.
-- answered_at: when the automatic answer was decided on, by our clock.
-- settled_as: what a colleague made of a doubtful reply, 'lift' or 'keep'.
ALTER TABLE reply ADD COLUMN counts_at TIMESTAMPTZ;
ALTER TABLE reply ADD COLUMN answered_at TIMESTAMPTZ;
ALTER TABLE reply ADD COLUMN settled_as VARCHAR;
ALTER TABLE reply ADD COLUMN settled_by VARCHAR;
ALTER TABLE reply ADD COLUMN settled_at TIMESTAMPTZ;
UPDATE reply SET
    verdict = CASE verdict WHEN 'review' THEN 'stop_doubtful' WHEN 'reply' THEN 'other' ELSE verdict END,
    counts_at = least(received_at, recorded_at),
    answered_at = CASE WHEN answer IS NOT NULL THEN recorded_at END;

-- A person's later STOPs had no row of their own.
INSERT INTO opt_out_entry (
    entry_id, number_id, msisdn, source, source_ref, reply_id, recorded_at, after_event_id
)
SELECT
    (SELECT coalesce(max(entry_id), 0) FROM opt_out_entry) + row_number() OVER (ORDER BY reply_id),
    number_id,
    '+' || number_id,
    CASE verdict WHEN 'stop' THEN 'reply' ELSE 'reply_doubtful' END,
    'reply ' || reply_id,
    reply_id,
    recorded_at,
    (SELECT coalesce(max(event_id), 0) FROM message_event)
FROM reply
WHERE verdict IN ('stop', 'stop_doubtful')
    AND number_id IS NOT NULL
    AND reply_id NOT IN (SELECT reply_id FROM opt_out_entry WHERE reply_id IS NOT NULL);

-- Who is opted out now: one row a person, with the first ground that was not lifted.
CREATE VIEW opt_out AS
SELECT
    number_id,
    min(entry_id) AS entry_id,
    arg_min(msisdn, entry_id) AS msisdn,
    arg_min(source, entry_id) AS source,
    arg_min_null(source_ref, entry_id) AS source_ref,
    arg_min(recorded_at, entry_id) AS recorded_at,
    arg_min_null(said_at, entry_id) AS said_at,
    arg_min_null(channel, entry_id) AS channel,
    arg_min_null(note, entry_id) AS note
FROM opt_out_entry
WHERE lifted_at IS NULL
GROUP BY number_id;
