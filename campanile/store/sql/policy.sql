-- The texts of policies that recaps were made under.

-- name: policy.remember
INSERT INTO policy_snapshot
SELECT $policy, $sha256, $valid_from, $text, $at
WHERE NOT EXISTS (SELECT 1 FROM policy_snapshot WHERE policy = $policy AND sha256 = $sha256)
