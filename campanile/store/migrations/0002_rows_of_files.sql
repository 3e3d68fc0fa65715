-- Every valid row of every file is kept, so that a list can be made again without one of its files: `contact` is the
-- fold of a list's rows (the first one is the origin, the newest filled value of each field wins), kept ready to read.

-- One row a valid row of a file, append-only. `fields` is the row's own: JSON of its filled merge fields, keys sorted.
-- An updated or duplicate row says which file and row had brought its number (NULL: no file had).
CREATE TABLE import_row (
    import_id BIGINT NOT NULL,
    row_number BIGINT NOT NULL,
    number_id BIGINT NOT NULL,
    territory VARCHAR NOT NULL,
    fields VARCHAR NOT NULL,
    fate VARCHAR NOT NULL,
    of_import_id BIGINT,
    of_row_number BIGINT
);

-- known_count: valid rows whose number was there before the file. NULL: the file came before its rows were kept, and
-- import_row has only the rows that brought somebody.
ALTER TABLE import_file ADD COLUMN known_count BIGINT;
ALTER TABLE import_file ADD COLUMN replaces BIGINT;
ALTER TABLE import_file ADD COLUMN undone_at TIMESTAMPTZ;
ALTER TABLE import_file ADD COLUMN undone_by VARCHAR;
ALTER TABLE import_file ADD COLUMN undone_why VARCHAR;

INSERT INTO import_row (import_id, row_number, number_id, territory, fields, fate)
SELECT import_id, row_number, number_id, territory, fields, 'accepted' FROM contact ORDER BY import_id, row_number;

ALTER TABLE contact_list ADD COLUMN legal_basis VARCHAR;
ALTER TABLE contact_list ADD COLUMN wording VARCHAR;
ALTER TABLE contact_list ADD COLUMN declared_by VARCHAR;
ALTER TABLE contact_list ADD COLUMN declared_at TIMESTAMPTZ;
ALTER TABLE contact_list ADD COLUMN deleted_at TIMESTAMPTZ;

-- said_at: when the person said so, where it is known; recorded_at: since when it binds.
-- channel: where a partner's file says it was said; note: what a colleague wrote, or where said_at comes from.
ALTER TABLE opt_out ADD COLUMN said_at TIMESTAMPTZ;
ALTER TABLE opt_out ADD COLUMN channel VARCHAR;
ALTER TABLE opt_out ADD COLUMN note VARCHAR;

-- Why a prepared recap no longer says what would be sent.
ALTER TABLE campaign ADD COLUMN stale_reason VARCHAR;

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
    LEFT JOIN opt_out ON opt_out.number_id = import_row.number_id
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
