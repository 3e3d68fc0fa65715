-- The newest time in the store.

-- name: clock.newest
-- The newest recorded time. After a person confirmed the clock only later events count, and the moment of the
-- confirmation itself.
WITH confirmed AS (
    SELECT
        CAST(value ->> '$.event_id' AS BIGINT) AS event_id,
        CAST(value ->> '$.at' AS TIMESTAMPTZ) AS confirmed_at
    FROM operator_setting WHERE name = 'clock_confirmed' ORDER BY setting_id DESC LIMIT 1
)
SELECT greatest(
    (SELECT confirmed_at FROM confirmed),
    (SELECT max(recorded_at) FROM message_event WHERE event_id >= coalesce((SELECT event_id FROM confirmed), 0)),
    (
        SELECT max(recorded_at) FROM campaign_event
        WHERE coalesce(after_event_id, 0) >= coalesce((SELECT event_id FROM confirmed), 0)
    )
) AS newest_at
