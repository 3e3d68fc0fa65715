-- Leases: one sender per campaign. Key: campaign_id.

-- name: lease.end_now
-- End a lease at $at, unless it ends before. If the clock went back, a lease would last too long; a running owner
-- extends it in its next transaction.
UPDATE lease SET expires_at = least(expires_at, $at) WHERE campaign_id = $campaign_id

-- name: lease.get
-- The lease of a campaign: no row if it was never sent.
SELECT fence, owner, expires_at, run_id FROM lease WHERE campaign_id = $campaign_id

-- name: lease.take
-- Give the lease to a new owner. $fence: greater than the fence before.
INSERT INTO lease (campaign_id, fence, owner, expires_at, run_id)
VALUES ($campaign_id, $fence, $owner, $expires_at, $run_id)
ON CONFLICT (campaign_id) DO UPDATE SET
    fence = excluded.fence, owner = excluded.owner, expires_at = excluded.expires_at, run_id = excluded.run_id

-- name: lease.extend
-- Extend a lease. No row is changed if another owner has a newer fence.
UPDATE lease SET expires_at = $expires_at WHERE campaign_id = $campaign_id AND fence = $fence
