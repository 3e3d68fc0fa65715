-- Leases: one sender a campaign.

-- name: lease.end_now
-- Where the clock went back a lease would hold too long; an owner who is there extends it at its next transaction.
UPDATE lease SET expires_at = least(expires_at, $at) WHERE campaign_id = $campaign_id

-- name: lease.get
SELECT fence, owner, expires_at, run_id FROM lease WHERE campaign_id = $campaign_id

-- name: lease.take
INSERT INTO lease (campaign_id, fence, owner, expires_at, run_id) VALUES ($campaign_id, $fence, $owner, $expires_at, $run_id)
ON CONFLICT (campaign_id) DO UPDATE SET
    fence = excluded.fence, owner = excluded.owner, expires_at = excluded.expires_at, run_id = excluded.run_id

-- name: lease.extend
UPDATE lease SET expires_at = $expires_at WHERE campaign_id = $campaign_id AND fence = $fence
