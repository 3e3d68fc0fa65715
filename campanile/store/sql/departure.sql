-- When the messages of a recap are sent, by territory.

-- name: departure.forget
-- Delete the departures of a campaign before it is planned again.
DELETE FROM departure WHERE campaign_id = $campaign_id

-- name: departure.add
-- staged_departures: Departures
-- Add the departures of a campaign. Grain: one window of one window_key. Key: (campaign_id, departure_no), in the order
-- of time.
INSERT INTO departure
SELECT $campaign_id, row_number() OVER (ORDER BY starts_at, window_key), window_key, starts_at, ends_at, message_count
FROM staged_departures

-- name: departure.list
-- The departures of a campaign, in the order of time.
SELECT window_key, starts_at, ends_at, message_count FROM departure WHERE campaign_id = $campaign_id
ORDER BY departure_no
