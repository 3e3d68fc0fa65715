-- What is known of a gateway: cursors and rate.

-- name: state.add
INSERT INTO gateway_state VALUES ($gateway, $name, $value, $at)

-- name: state.change
UPDATE gateway_state SET value = $value, changed_at = $at WHERE gateway = $gateway AND name = $name

-- name: state.of
SELECT name, value, changed_at FROM gateway_state WHERE gateway = $gateway

-- name: state.get
SELECT name, value, changed_at FROM gateway_state WHERE gateway = $gateway AND name = $name
