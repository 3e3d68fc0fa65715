-- What a store knows of itself, to be compared with the mark that is kept outside of it. One row.

-- store_id: random; another one after each reconciliation, so that two copies that lived on are told apart.
-- sequence: the number of the last commit. committed_at: when that was.
-- reconcile_reason: why nothing is claimed until a person has confirmed; NULL: the store and its mark agree.
-- reconcile_since: when that was last found, also after it was confirmed. missing_since: from when on commits are missing.
-- doubted_at: when the messages that may have been sent became unknown; NULL: not yet.
CREATE TABLE store_state (
    store_id VARCHAR NOT NULL,
    sequence BIGINT NOT NULL,
    committed_at TIMESTAMPTZ NOT NULL,
    reconcile_reason VARCHAR,
    reconcile_since TIMESTAMPTZ,
    missing_since TIMESTAMPTZ,
    doubted_at TIMESTAMPTZ
);
