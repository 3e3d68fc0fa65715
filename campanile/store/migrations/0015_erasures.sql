-- People who were erased. Rows that others must add up with stay, under a random number_id below 0, the tombstone. No
-- table says which tombstone belongs to which erasure.

-- One row per erasure. reason: why, without names or numbers. A time would lead from the opt-out to the campaigns.
CREATE TABLE erasure (
    erasure_id BIGINT PRIMARY KEY,
    actor VARCHAR NOT NULL,
    reason VARCHAR NOT NULL,
    erased_on DATE NOT NULL
);

-- The hash of a recap after a person of its campaign was erased. It was computed right after the hash before it was
-- verified, in the same transaction; the newest one of a version is compared from then on.
CREATE TABLE recap_redaction (
    campaign_id BIGINT,
    version BIGINT,
    redaction_no BIGINT,
    redacted_hash VARCHAR NOT NULL,
    PRIMARY KEY (campaign_id, version, redaction_no)
);
