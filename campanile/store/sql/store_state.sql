-- The commit number and the state of the store.

-- name: store_state.create
INSERT INTO store_state (store_id, sequence, committed_at) VALUES ($store_id, 0, $at)

-- name: store_state.advance
-- No row: the mark is not of this commit, or the store is being reconciled.
UPDATE store_state SET sequence = $sequence + 1, committed_at = $at
WHERE store_id = $store_id AND sequence = $sequence AND reconcile_reason IS NULL

-- name: store_state.get
SELECT * FROM store_state

-- name: store_state.continue
UPDATE store_state SET sequence = $sequence, committed_at = $at

-- name: store_state.reconcile
-- From the oldest commit on that may be missing, when it is found a second time before a person has confirmed.
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
UPDATE store_state SET doubted_at = $at

-- name: store_state.confirm
UPDATE store_state SET reconcile_reason = NULL

-- name: store_state.is_unused
-- Without a campaign there is nothing that could be sent twice.
SELECT NOT EXISTS (SELECT 1 FROM campaign) AS is_unused

-- name: store_state.holds_work
-- What a rehearsal would lock: somebody's lists or campaigns.
SELECT EXISTS (SELECT 1 FROM contact_list) OR EXISTS (SELECT 1 FROM campaign) AS holds_work
