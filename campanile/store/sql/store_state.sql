-- The commit number and the state of the store. The table has one row.

-- name: store_state.create
-- Give a new store its id.
INSERT INTO store_state (store_id, sequence, committed_at) VALUES ($store_id, 0, $at)

-- name: store_state.advance
-- Count one commit. No row is changed if the mark belongs to another commit, or if the store is being reconciled.
-- $sequence: the number in the mark.
UPDATE store_state SET sequence = $sequence + 1, committed_at = $at
WHERE store_id = $store_id AND sequence = $sequence AND reconcile_reason IS NULL

-- name: store_state.get
-- The one row.
SELECT * FROM store_state

-- name: store_state.continue
-- Set the number of the commit.
UPDATE store_state SET sequence = $sequence, committed_at = $at

-- name: store_state.reconcile
-- Begin a reconciliation, or begin it again before a person has confirmed. missing_since: the oldest commit after which
-- commits may be missing. $reason: why it is needed.
UPDATE store_state SET
    store_id = $store_id,
    sequence = $sequence,
    missing_since = CASE
        WHEN reconcile_reason IS NULL THEN committed_at ELSE least(missing_since, committed_at)
    END,
    reconcile_reason = $reason,
    reconcile_since = $at,
    doubted_at = NULL,
    committed_at = $at

-- name: store_state.set_doubted
-- Record when the messages that may have been sent became unknown.
UPDATE store_state SET doubted_at = $at

-- name: store_state.confirm
-- End the reconciliation: a person has confirmed.
UPDATE store_state SET reconcile_reason = NULL

-- name: store_state.is_unused
-- Whether the store has no campaign: then nothing could be sent twice.
SELECT NOT EXISTS (SELECT 1 FROM campaign) AS is_unused

-- name: store_state.holds_work
-- Whether the store has lists or campaigns. A simulated clock is refused for such a store.
SELECT EXISTS (SELECT 1 FROM contact_list) OR EXISTS (SELECT 1 FROM campaign) AS holds_work
