-- A provider's invoice, compared with the accepted messages of a month.

-- name: invoice.compare
-- staged_rows: InvoiceLines
-- Put each line of an invoice, and each message of the month that no line names, into one category. $begins_at, $ends_at:
-- the month. $unit: of the gateway's prices. An id that the gateway has used twice is that of the month's message.
CREATE OR REPLACE TEMP TABLE staged_compared AS
WITH owned AS (
    SELECT
        accepted.*, campaign.name AS campaign,
        accepted.accepted_at >= $begins_at AND accepted.accepted_at < $ends_at AS is_of_month
    FROM accepted_message AS accepted JOIN campaign USING (campaign_id)
    WHERE accepted.gateway = $gateway
),
by_id AS (
    SELECT * FROM owned WHERE gateway_message_id IS NOT NULL
    QUALIFY row_number() OVER (PARTITION BY gateway_message_id ORDER BY is_of_month DESC, accepted_at DESC) = 1
),
seen AS (
    SELECT DISTINCT message_event.gateway_message_id
    FROM message_event JOIN campaign USING (campaign_id)
    WHERE campaign.gateway = $gateway AND message_event.gateway_message_id IS NOT NULL
),
line AS (
    SELECT
        staged_rows.*, CAST(coalesce(price, '0') AS DECIMAL(18, 6)) AS invoiced,
        row_number() OVER (PARTITION BY gateway_message_id ORDER BY is_readable DESC, line_no) AS occurrence
    FROM staged_rows
),
compared AS (
    SELECT
        line.line_no, line.raw_line, line.gateway_message_id, by_id.client_ref, by_id.campaign, by_id.accepted_at,
        CASE
            WHEN NOT line.is_readable THEN 'unreadable_line'
            WHEN line.occurrence > 1 THEN 'duplicate_line'
            WHEN by_id.client_ref IS NULL AND seen.gateway_message_id IS NULL THEN 'unknown_id'
            WHEN by_id.client_ref IS NULL THEN 'not_accepted'
            WHEN NOT by_id.is_of_month THEN 'other_month'
            WHEN line.unit <> $unit THEN 'wrong_unit'
            WHEN line.segment_count <> by_id.charged_segments THEN 'wrong_segments'
            WHEN line.invoiced <> by_id.charged THEN 'wrong_price'
            ELSE 'matched'
        END AS category,
        line.invoiced,
        CASE WHEN line.occurrence = 1 AND by_id.is_of_month THEN by_id.charged ELSE 0 END AS charged,
        line.unit, line.segment_count AS invoiced_segments, by_id.charged_segments
    FROM line LEFT JOIN by_id USING (gateway_message_id) LEFT JOIN seen USING (gateway_message_id)
    UNION ALL
    SELECT
        NULL, NULL, owned.gateway_message_id, owned.client_ref, owned.campaign, owned.accepted_at,
        'missing_from_invoice', 0, owned.charged, $unit, NULL, owned.charged_segments
    FROM owned
    WHERE owned.is_of_month AND owned.client_ref NOT IN (
        SELECT by_id.client_ref FROM by_id SEMI JOIN line USING (gateway_message_id)
    )
)
SELECT
    line_no, raw_line, gateway_message_id, client_ref, campaign, accepted_at, category,
    CAST(invoiced AS DECIMAL(18, 6)) AS invoiced, CAST(charged AS DECIMAL(18, 6)) AS charged, unit,
    invoiced_segments, CAST(charged_segments AS BIGINT) AS charged_segments
FROM compared

-- name: invoice.counts
-- staged_compared: ComparedLines
-- One row per category: lines or messages, and their amounts on both sides.
SELECT category, count(*) AS line_count, sum(invoiced) AS invoiced, sum(charged) AS charged
FROM staged_compared GROUP BY category

-- name: invoice.differences
-- staged_compared: ComparedLines
-- One row per line or message that did not match, in the order of the file; then the messages that no line names.
SELECT * FROM staged_compared WHERE category <> 'matched' ORDER BY line_no NULLS LAST, accepted_at, client_ref
