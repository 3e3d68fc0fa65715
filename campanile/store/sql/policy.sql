-- The texts of the policies that recaps were made with.

-- name: policy.remember
-- Keep the text of a policy, once per content. Key: (policy, sha256).
INSERT INTO policy_snapshot
SELECT $policy, $sha256, $valid_from, $text, $at
WHERE NOT EXISTS (SELECT 1 FROM policy_snapshot WHERE policy = $policy AND sha256 = $sha256)
