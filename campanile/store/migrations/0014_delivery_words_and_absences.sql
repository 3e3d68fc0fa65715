-- What providers' delivery reports say in our words, and numbers that are dead because nobody could be reached.

-- word: the provider's words as they came. cause: why it was not delivered, in our words ('unknown word': its word is in
-- no table). NULL: recorded before they were kept.
ALTER TABLE delivery_report ADD COLUMN word VARCHAR;
ALTER TABLE delivery_report ADD COLUMN cause VARCHAR;

-- Numbers that were absent when last tried: how often in a row, since when and until when, by our clock.
CREATE TABLE absence (
    number_id BIGINT PRIMARY KEY,
    absence_count BIGINT NOT NULL,
    first_at TIMESTAMPTZ NOT NULL,
    last_at TIMESTAMPTZ NOT NULL
);

-- The history of dead numbers, append-only: 'died', with the evidence, or 'revived', by a consent of an imported row.
-- `dead_number` has those that are dead now.
CREATE TABLE dead_number_event (
    event_no BIGINT PRIMARY KEY,
    number_id BIGINT NOT NULL,
    event VARCHAR NOT NULL,
    reason VARCHAR NOT NULL,
    evidence VARCHAR NOT NULL,
    import_id BIGINT,
    row_number BIGINT,
    recorded_at TIMESTAMPTZ NOT NULL
);
INSERT INTO dead_number_event
SELECT
    row_number() OVER (ORDER BY recorded_at, number_id), number_id, 'died', reason, 'a delivery report', NULL, NULL,
    recorded_at
FROM dead_number;
