-- When the messages of a recap are sent, by territory.

-- name: departure.forget
DELETE FROM departure WHERE campaign_id = $campaign_id

-- name: departure.add
-- staged_departures: Departures
INSERT INTO departure
SELECT $campaign_id, row_number() OVER (ORDER BY starts_at, window_key), window_key, starts_at, ends_at, message_count
FROM staged_departures

-- name: departure.list
SELECT window_key, starts_at, ends_at, message_count FROM departure WHERE campaign_id = $campaign_id ORDER BY departure_no
