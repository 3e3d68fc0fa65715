-- Opt-outs and dead numbers. The first record of an opt-out stays; what may still move is said_at, and only backwards.

-- name: opt_out.stage_said
-- staged_rows: row_number BIGINT, number_id BIGINT, fields VARCHAR
-- A date without an offset is local. What cannot be read, or lies in the future, is kept as text.
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
-- staged_rows: row_number BIGINT, number_id BIGINT, territory VARCHAR, fields VARCHAR
-- staged_said: row_number BIGINT, number_id BIGINT, said VARCHAR, channel VARCHAR, said_at TIMESTAMPTZ
-- updated: a known opt-out that was said earlier than was known; undated ones count from when they were recorded.
INSERT INTO import_row (import_id, row_number, number_id, territory, fields, fate, of_import_id, of_row_number)
SELECT
    $import_id,
    staged_rows.row_number,
    staged_rows.number_id,
    staged_rows.territory,
    staged_rows.fields,
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
        opt_out.number_id IS NOT NULL AS is_known,
        min(staged_said.row_number) OVER (PARTITION BY staged_said.number_id) AS first_row,
        least(
            coalesce(opt_out.said_at, opt_out.recorded_at, $at),
            min(coalesce(staged_said.said_at, $at)) OVER (
                PARTITION BY staged_said.number_id ORDER BY staged_said.row_number
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            )
        ) AS known_at
    FROM staged_said LEFT JOIN opt_out USING (number_id)
) AS stop USING (row_number)
LEFT JOIN (
    SELECT import_row.number_id, import_row.import_id, import_row.row_number
    FROM import_row JOIN import_file USING (import_id)
    WHERE import_file.kind = 'opt_outs' AND import_row.fate = 'accepted'
) AS origin ON origin.number_id = staged_rows.number_id

-- name: opt_out.count_known
-- staged_rows: number_id BIGINT
SELECT count(*) FROM staged_rows WHERE number_id IN (SELECT number_id FROM opt_out)

-- name: opt_out.stage_stops
-- staged_said: row_number BIGINT, number_id BIGINT, said VARCHAR, channel VARCHAR, said_at TIMESTAMPTZ
CREATE OR REPLACE TEMP TABLE staged_stops AS
SELECT
    row_number AS position,
    number_id,
    '+' || number_id AS msisdn,
    'file' AS source,
    'import ' || $import_id || ', row ' || row_number
        || CASE WHEN said IS NOT NULL AND said_at IS NULL THEN ': ' || left(said, 100) ELSE '' END AS source_ref,
    said_at,
    left(channel, 100) AS channel,
    CAST(NULL AS VARCHAR) AS note
FROM staged_said

-- name: opt_out.add
-- staged_stops: position BIGINT, number_id BIGINT, msisdn VARCHAR, source VARCHAR, source_ref VARCHAR, said_at TIMESTAMPTZ, channel VARCHAR, note VARCHAR
INSERT INTO opt_out (number_id, msisdn, source, source_ref, recorded_at, said_at, channel, note, after_event_id)
SELECT
    number_id, any_value(msisdn), arg_min(source, position), arg_min(source_ref, position), $at, min(said_at),
    arg_min(channel, position), arg_min(note, position), (SELECT coalesce(max(event_id), 0) FROM message_event)
FROM staged_stops GROUP BY number_id
ON CONFLICT DO NOTHING

-- name: opt_out.set_said
-- staged_stops: position BIGINT, number_id BIGINT, msisdn VARCHAR, source VARCHAR, source_ref VARCHAR, said_at TIMESTAMPTZ, channel VARCHAR, note VARCHAR
-- The earliest time a person said no is the proof; the note says who told it.
UPDATE opt_out SET
    said_at = stop.said_at,
    channel = coalesce(opt_out.channel, stop.channel),
    note = concat_ws('; ', opt_out.note, 'said_at from ' || coalesce(stop.source_ref, stop.source))
FROM (
    SELECT
        number_id, min(said_at) AS said_at, arg_min(source, said_at) AS source, arg_min(source_ref, said_at) AS source_ref,
        arg_min(channel, said_at) AS channel
    FROM staged_stops WHERE said_at IS NOT NULL GROUP BY number_id
) AS stop
WHERE stop.number_id = opt_out.number_id AND stop.said_at < coalesce(opt_out.said_at, opt_out.recorded_at)

-- name: opt_out.count
SELECT count(*) FROM opt_out

-- name: dead_number.add
-- staged_rows: number_id BIGINT, msisdn VARCHAR, reason VARCHAR
INSERT INTO dead_number (number_id, msisdn, reason, recorded_at)
SELECT number_id, any_value(msisdn), any_value(reason), $at FROM staged_rows GROUP BY number_id
ON CONFLICT DO NOTHING
