-- What is known of a gateway: history cursors, rate, settling time. Key: (gateway, name).

-- name: state.add
-- Add a value of a gateway.
INSERT INTO gateway_state VALUES ($gateway, $name, $value, $at)

-- name: state.change
-- Change a value of a gateway. No row is changed before it was added.
UPDATE gateway_state SET value = $value, changed_at = $at WHERE gateway = $gateway AND name = $name

-- name: state.of
-- All values of a gateway.
SELECT name, value, changed_at FROM gateway_state WHERE gateway = $gateway

-- name: state.get
-- One value of a gateway.
SELECT name, value, changed_at FROM gateway_state WHERE gateway = $gateway AND name = $name
