-- The tables of the house. Names are a contract; `..._at` is a UTC instant, `..._on` a date, amounts are exact decimals.
-- number_id is an E.164 number's digits; recipient_id is the same in marketing and alert campaigns, the reply in
-- auto_reply, a counter in notice. Primary keys only, on integers: they carry the guarantees.

CREATE TABLE contact_list (
    list_id BIGINT PRIMARY KEY,
    list_name VARCHAR NOT NULL,
    is_sample BOOLEAN NOT NULL,
    created_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE import_file (
    import_id BIGINT PRIMARY KEY,
    kind VARCHAR NOT NULL,
    list_id BIGINT,
    file_name VARCHAR NOT NULL,
    sha256 VARCHAR NOT NULL,
    size_bytes BIGINT NOT NULL,
    encoding VARCHAR,
    delimiter VARCHAR,
    sheet VARCHAR,
    column_map VARCHAR NOT NULL,
    region VARCHAR NOT NULL,
    is_sample BOOLEAN NOT NULL,
    row_count BIGINT NOT NULL,
    accepted_count BIGINT NOT NULL,
    updated_count BIGINT NOT NULL,
    duplicate_count BIGINT NOT NULL,
    rejected_count BIGINT NOT NULL,
    recorded_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE import_row_reject (
    import_id BIGINT,
    row_number BIGINT,
    reason VARCHAR NOT NULL,
    raw_line VARCHAR NOT NULL,
    PRIMARY KEY (import_id, row_number)
);

CREATE TABLE contact (
    list_id BIGINT,
    number_id BIGINT,
    msisdn VARCHAR NOT NULL,
    territory VARCHAR NOT NULL,
    fields VARCHAR NOT NULL,
    import_id BIGINT NOT NULL,
    row_number BIGINT NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (list_id, number_id)
);

CREATE TABLE opt_out (
    number_id BIGINT PRIMARY KEY,
    msisdn VARCHAR NOT NULL,
    source VARCHAR NOT NULL,
    source_ref VARCHAR,
    recorded_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE dead_number (
    number_id BIGINT PRIMARY KEY,
    msisdn VARCHAR NOT NULL,
    reason VARCHAR NOT NULL,
    recorded_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE campaign (
    campaign_id BIGINT PRIMARY KEY,
    name VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    state VARCHAR NOT NULL,
    version BIGINT NOT NULL,
    gateway VARCHAR NOT NULL,
    policy VARCHAR NOT NULL,
    sender_id VARCHAR NOT NULL,
    requested_service BOOLEAN NOT NULL,
    is_sample BOOLEAN NOT NULL,
    draft VARCHAR NOT NULL,
    recap_hash VARCHAR,
    approved_hash VARCHAR,
    is_stopped BOOLEAN NOT NULL,
    due_at TIMESTAMPTZ,
    state_reason VARCHAR,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE campaign_event (
    campaign_id BIGINT,
    event_no BIGINT,
    event VARCHAR NOT NULL,
    version BIGINT NOT NULL,
    actor VARCHAR NOT NULL,
    detail VARCHAR,
    recorded_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (campaign_id, event_no)
);

CREATE TABLE recap (
    campaign_id BIGINT,
    version BIGINT,
    recap_hash VARCHAR NOT NULL,
    header VARCHAR NOT NULL,
    audience_count BIGINT NOT NULL,
    message_count BIGINT NOT NULL,
    exclusion_count BIGINT NOT NULL,
    segment_count BIGINT NOT NULL,
    total_price DECIMAL(18, 6) NOT NULL,
    unit VARCHAR NOT NULL,
    prepared_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (campaign_id, version)
);

CREATE TABLE exclusion (
    campaign_id BIGINT NOT NULL,
    version BIGINT NOT NULL,
    number_id BIGINT,
    msisdn VARCHAR NOT NULL,
    reason VARCHAR NOT NULL,
    origin VARCHAR NOT NULL,
    import_id BIGINT,
    row_number BIGINT
);

CREATE TABLE message (
    campaign_id BIGINT,
    recipient_id BIGINT,
    number_id BIGINT NOT NULL,
    msisdn VARCHAR NOT NULL,
    text VARCHAR NOT NULL,
    encoding VARCHAR NOT NULL,
    sender_id VARCHAR NOT NULL,
    segment_count INTEGER NOT NULL,
    price DECIMAL(18, 6) NOT NULL,
    territory VARCHAR NOT NULL,
    window_key VARCHAR NOT NULL,
    client_ref VARCHAR NOT NULL,
    slice_no BIGINT NOT NULL,
    origin VARCHAR NOT NULL,
    import_id BIGINT,
    row_number BIGINT,
    PRIMARY KEY (campaign_id, recipient_id)
);

-- The queue. A slice is claimed once; what is proved not accepted goes into a new one (is_requeued).
-- ask_after: when the fate of its unknown messages may be asked for; absent_count: look-ups that found no trace.
CREATE TABLE slice (
    campaign_id BIGINT,
    slice_no BIGINT,
    window_key VARCHAR NOT NULL,
    message_count BIGINT NOT NULL,
    price DECIMAL(18, 6) NOT NULL,
    is_requeued BOOLEAN NOT NULL,
    state VARCHAR NOT NULL,
    fence BIGINT,
    claimed_at TIMESTAMPTZ,
    ask_after TIMESTAMPTZ,
    absent_count BIGINT NOT NULL,
    PRIMARY KEY (campaign_id, slice_no)
);

CREATE TABLE message_event (
    event_id BIGINT NOT NULL,
    campaign_id BIGINT NOT NULL,
    recipient_id BIGINT NOT NULL,
    event VARCHAR NOT NULL,
    slice_no BIGINT,
    fence BIGINT,
    gateway_message_id VARCHAR,
    reason VARCHAR,
    recorded_at TIMESTAMPTZ NOT NULL
);

CREATE VIEW message_status AS
SELECT
    message.campaign_id,
    message.recipient_id,
    message.number_id,
    message.msisdn,
    message.territory,
    message.segment_count,
    message.price,
    message.client_ref,
    coalesce(latest.state, 'planned') AS state,
    latest.reason,
    latest.gateway_message_id,
    coalesce(latest.slice_no, message.slice_no) AS slice_no,
    latest.changed_at
FROM message
LEFT JOIN (
    SELECT
        campaign_id,
        recipient_id,
        arg_max(event, event_id) AS state,
        arg_max_null(reason, event_id) AS reason,
        arg_max(gateway_message_id, event_id) AS gateway_message_id,
        arg_max(slice_no, event_id) AS slice_no,
        arg_max(recorded_at, event_id) AS changed_at
    FROM message_event
    GROUP BY campaign_id, recipient_id
) AS latest USING (campaign_id, recipient_id);

CREATE TABLE lease (
    campaign_id BIGINT PRIMARY KEY,
    fence BIGINT NOT NULL,
    owner VARCHAR NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE reply (
    reply_id BIGINT PRIMARY KEY,
    gateway VARCHAR NOT NULL,
    gateway_reply_id VARCHAR NOT NULL,
    sender VARCHAR NOT NULL,
    number_id BIGINT,
    text VARCHAR NOT NULL,
    verdict VARCHAR NOT NULL,
    campaign_id BIGINT,
    answer VARCHAR,
    received_at TIMESTAMPTZ NOT NULL,
    recorded_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE delivery_report (
    gateway VARCHAR NOT NULL,
    report_id VARCHAR NOT NULL,
    gateway_message_id VARCHAR NOT NULL,
    client_ref VARCHAR,
    status VARCHAR NOT NULL,
    reason VARCHAR,
    is_permanent BOOLEAN NOT NULL,
    reported_at TIMESTAMPTZ NOT NULL,
    recorded_at TIMESTAMPTZ NOT NULL,
    applied_at TIMESTAMPTZ
);

-- reserve at the claim, capture at acceptance, release on proof of refusal; unknown keeps its reserve.
CREATE TABLE credit_entry (
    entry_id BIGINT PRIMARY KEY,
    gateway VARCHAR NOT NULL,
    campaign_id BIGINT NOT NULL,
    slice_no BIGINT NOT NULL,
    kind VARCHAR NOT NULL,
    amount DECIMAL(18, 6) NOT NULL,
    recorded_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE balance_reading (
    reading_id BIGINT PRIMARY KEY,
    gateway VARCHAR NOT NULL,
    amount DECIMAL(18, 6) NOT NULL,
    unit VARCHAR NOT NULL,
    captured_before DECIMAL(18, 6) NOT NULL,
    read_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE alert (
    alert_id BIGINT PRIMARY KEY,
    kind VARCHAR NOT NULL,
    gateway VARCHAR NOT NULL,
    message VARCHAR NOT NULL,
    raised_at TIMESTAMPTZ NOT NULL,
    mailed_at TIMESTAMPTZ,
    texted_at TIMESTAMPTZ,
    cleared_at TIMESTAMPTZ
);

-- Append-only: the newest row of a name is in force, the others are its history.
CREATE TABLE operator_setting (
    setting_id BIGINT PRIMARY KEY,
    name VARCHAR NOT NULL,
    value VARCHAR NOT NULL,
    changed_by VARCHAR NOT NULL,
    changed_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE gateway_state (
    gateway VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    value VARCHAR NOT NULL,
    changed_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE policy_snapshot (
    policy VARCHAR NOT NULL,
    sha256 VARCHAR NOT NULL,
    valid_from DATE NOT NULL,
    text VARCHAR NOT NULL,
    recorded_at TIMESTAMPTZ NOT NULL
);
