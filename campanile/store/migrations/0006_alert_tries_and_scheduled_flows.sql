-- What was tried to deliver an alert, and when each scheduled flow last did its work.

-- One row for an alert and a channel ('mail', 'sms') that was tried. error: of the last try; NULL: it was delivered.
CREATE TABLE alert_try (
    alert_id BIGINT NOT NULL,
    channel VARCHAR NOT NULL,
    tries INTEGER NOT NULL,
    tried_at TIMESTAMPTZ NOT NULL,
    error VARCHAR
);

-- By the machine's own clock, also in a rehearsal. watched_since: since when its lateness counts. started_at: its last
-- run began. completed_at: its last run that ended well. error: of the last run; NULL: it ended well.
CREATE TABLE scheduled_flow (
    flow_name VARCHAR NOT NULL,
    watched_since TIMESTAMPTZ NOT NULL,
    started_at TIMESTAMPTZ,
    completed_at TIMESTAMPTZ,
    error VARCHAR
);
