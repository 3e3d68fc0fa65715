-- Order is that of message events, never of a wall clock, which may be set back; and reports have a number of our own.

-- after_event_id: the newest message event when this was recorded. NULL: recorded before the order was kept.
ALTER TABLE campaign_event ADD COLUMN after_event_id BIGINT;
ALTER TABLE opt_out ADD COLUMN after_event_id BIGINT;
UPDATE opt_out SET after_event_id = found.event_id
FROM (
    SELECT opt_out.number_id, coalesce(seen.event_id, 0) AS event_id
    FROM opt_out ASOF LEFT JOIN (
        SELECT recorded_at, max(max(event_id)) OVER (ORDER BY recorded_at) AS event_id
        FROM message_event GROUP BY recorded_at
    ) AS seen ON opt_out.recorded_at >= seen.recorded_at
) AS found
WHERE found.number_id = opt_out.number_id;

-- A provider that numbers anew gives two reports one report_id.
ALTER TABLE delivery_report ADD COLUMN report_no BIGINT;
UPDATE delivery_report SET report_no = found.report_no
FROM (SELECT rowid AS row_id, row_number() OVER (ORDER BY rowid) AS report_no FROM delivery_report) AS found
WHERE found.row_id = delivery_report.rowid;
