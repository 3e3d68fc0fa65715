-- Delivery reports. Key: report_no. Those that are just read, and those that wait, are staged and applied together, so that
-- the work depends on them and on the campaigns that they touch, and not on all campaigns that ever were.

-- name: report.stage_new
-- staged_rows: NumberedReports
-- The reports that were read. Grain: one report. Key: position, in the order of time.
CREATE OR REPLACE TEMP TABLE staged_arrivals AS
SELECT
    position, CAST(NULL AS BIGINT) AS report_no, CAST(NULL AS BIGINT) AS campaign_id, report_id, gateway_message_id,
    client_ref, status, reason, is_permanent, reported_at, CAST(charge AS DECIMAL(18, 6)) AS charge, charge_unit,
    charge_segments, word, cause
FROM staged_rows

-- name: report.stage_waiting
-- staged_arrivals: ReportArrivals
-- The same with the stored reports that are not applied yet, all in the order of time. campaign_id: the campaign in which
-- the message of a stored one was found.
CREATE OR REPLACE TEMP TABLE staged_arrivals AS
SELECT row_number() OVER (ORDER BY reported_at, report_no, position) AS position, * EXCLUDE (position)
FROM (
    SELECT * FROM staged_arrivals
    UNION ALL BY NAME
    SELECT
        0 AS position, report_no, campaign_id, report_id, gateway_message_id, client_ref, status, reason,
        is_permanent, reported_at, charge, charge_unit, charge_segments, word, cause
    FROM delivery_report WHERE gateway = $gateway AND applied_at IS NULL
) AS report

-- name: report.log_ends
-- Where the log of message events and the histories of campaigns end: one row.
SELECT
    greatest(
        coalesce((SELECT event_id FROM message_event ORDER BY event_id DESC LIMIT 1), 0),
        coalesce((SELECT max(after_event_id) FROM campaign_event), 0)
    ) AS event_id,
    (SELECT count(*) FROM campaign_event) AS change_count

-- name: report.stage_campaigns
-- The campaigns of a gateway, by the step of the search: 1, those that may still get reports: they are being sent, or
-- changed since $since; 2, Campanile's own, which never end; 3, all others.
CREATE OR REPLACE TEMP TABLE staged_campaigns AS
SELECT
    campaign_id,
    CASE
        WHEN kind NOT IN ('marketing', 'alert') THEN 2
        WHEN state = 'sending' OR updated_at >= $since THEN 1
        ELSE 3
    END AS step
FROM campaign WHERE gateway = $gateway

-- name: report.stage_touched
-- staged_arrivals: ReportArrivals
-- staged_campaigns: SearchedCampaigns
-- Step 0, for reports that waited: the campaigns in which they were found, and those with an event or a change since
-- they were compared with all of them. $event_id: the newest event then.
INSERT INTO staged_campaigns
SELECT touched.campaign_id, 0
FROM (
    SELECT campaign_id FROM staged_arrivals WHERE campaign_id IS NOT NULL
    UNION
    SELECT campaign_id FROM message_event WHERE event_id > $event_id
    UNION
    SELECT campaign_id FROM campaign_event WHERE after_event_id >= $event_id
) AS touched
JOIN campaign ON campaign.campaign_id = touched.campaign_id AND campaign.gateway = $gateway

-- name: report.stage_found
-- The messages of the staged reports, none at first. Grain: one report. Key: position.
CREATE OR REPLACE TEMP TABLE staged_found AS
SELECT CAST(0 AS BIGINT) AS position, campaign_id, recipient_id, number_id, segment_count, price, slice_no FROM message LIMIT 0

-- name: report.count_unfound
-- staged_arrivals: ReportArrivals
-- staged_campaigns: SearchedCampaigns
-- staged_found: FoundMessages
-- How many reports have no message yet, by what they are found by in a step, and between which campaigns: one row. Reports
-- that waited are searched for in step 0 only. NULL: there is no campaign.
SELECT
    count(client_ref) AS ref_count, count(*) - count(client_ref) AS id_count,
    (SELECT min(campaign_id) FROM staged_campaigns WHERE step = $step) AS first_campaign_id,
    (SELECT max(campaign_id) FROM staged_campaigns WHERE step = $step) AS last_campaign_id
FROM staged_arrivals ANTI JOIN staged_found USING (position)
WHERE report_no IS NULL OR $step = 0

-- name: report.find_by_ref
-- staged_arrivals: ReportArrivals
-- staged_campaigns: SearchedCampaigns
-- staged_found: FoundMessages
-- Find the messages of reports with our reference, in the campaigns of a step. $first_campaign_id, $last_campaign_id: of
-- the step; the groups of rows of other campaigns are not read.
INSERT INTO staged_found
SELECT
    arrival.position, message.campaign_id, message.recipient_id, message.number_id,
    message.segment_count, message.price, message.slice_no
FROM (
    SELECT position, client_ref FROM staged_arrivals
    WHERE client_ref IS NOT NULL AND (report_no IS NULL OR $step = 0)
) AS arrival
ANTI JOIN staged_found ON staged_found.position = arrival.position
JOIN message ON message.client_ref = arrival.client_ref
SEMI JOIN (
    SELECT campaign_id FROM staged_campaigns WHERE step = $step
) AS searched ON searched.campaign_id = message.campaign_id
WHERE message.campaign_id BETWEEN $first_campaign_id AND $last_campaign_id

-- name: report.find_by_id
-- staged_arrivals: ReportArrivals
-- staged_campaigns: SearchedCampaigns
-- staged_found: FoundMessages
-- Find the messages of reports without our reference by the gateway's id, in the campaigns of a step. Of two messages with
-- one id the newer one: a provider that restarts its numbering uses ids again.
INSERT INTO staged_found
WITH owner AS (
    SELECT
        arrival.position, arg_max(event.campaign_id, event.event_id) AS campaign_id,
        arg_max(event.recipient_id, event.event_id) AS recipient_id
    FROM (
        SELECT position, gateway_message_id FROM staged_arrivals
        WHERE client_ref IS NULL AND (report_no IS NULL OR $step = 0)
    ) AS arrival
    ANTI JOIN staged_found ON staged_found.position = arrival.position
    JOIN message_event AS event ON event.gateway_message_id = arrival.gateway_message_id
    SEMI JOIN (
        SELECT campaign_id FROM staged_campaigns WHERE step = $step
    ) AS searched ON searched.campaign_id = event.campaign_id
    WHERE event.campaign_id BETWEEN $first_campaign_id AND $last_campaign_id
    GROUP BY arrival.position
)
SELECT
    owner.position, message.campaign_id, message.recipient_id, message.number_id,
    message.segment_count, message.price, message.slice_no
FROM owner JOIN message USING (campaign_id, recipient_id)
WHERE message.campaign_id BETWEEN $first_campaign_id AND $last_campaign_id

-- name: report.bind
-- staged_arrivals: ReportArrivals
-- staged_found: FoundMessages
-- Remember the campaign of waiting reports whose message is found now.
UPDATE delivery_report SET campaign_id = found.campaign_id
FROM (
    SELECT staged_arrivals.report_no, staged_found.campaign_id
    FROM staged_arrivals JOIN staged_found USING (position)
    WHERE staged_arrivals.report_no IS NOT NULL AND staged_arrivals.campaign_id IS NULL
) AS found
WHERE found.report_no = delivery_report.report_no

-- name: report.drop_known
-- staged_arrivals: ReportArrivals
-- staged_found: FoundMessages
-- Drop the reports that are stored already. Only the reports of the same campaigns are compared; a report without a message
-- with those without a message.
DELETE FROM staged_arrivals WHERE position IN (
    SELECT arrival.position
    FROM (
        SELECT staged_arrivals.*, staged_found.campaign_id AS found_in
        FROM staged_arrivals JOIN staged_found USING (position) WHERE staged_arrivals.report_no IS NULL
    ) AS arrival
    JOIN delivery_report AS known
        ON known.campaign_id = arrival.found_in
        AND known.report_id = arrival.report_id
        AND known.gateway_message_id = arrival.gateway_message_id
        AND known.status = arrival.status
        AND known.client_ref IS NOT DISTINCT FROM arrival.client_ref
    UNION ALL
    SELECT arrival.position
    FROM (
        SELECT * FROM staged_arrivals ANTI JOIN staged_found USING (position) WHERE report_no IS NULL
    ) AS arrival
    JOIN delivery_report AS known
        ON known.campaign_id IS NULL
        AND known.gateway = $gateway
        AND known.report_id = arrival.report_id
        AND known.gateway_message_id = arrival.gateway_message_id
        AND known.status = arrival.status
        AND known.client_ref IS NOT DISTINCT FROM arrival.client_ref
)

-- name: report.stage_reported
-- staged_arrivals: ReportArrivals
-- staged_found: FoundMessages
-- staged_rows: ReportSteps
-- The reports whose message is found, with the message and what is known of it. Grain: one report. Key: position. The
-- state is that of ``message_status``, computed for these messages only, because the view reads all messages. event: what
-- the report changes; NULL: nothing. is_applied: it need not wait; the report of a message in flight waits, and so does
-- that of a message without any event. first_id, last_id: the least and the greatest of the
-- hashes of the gateway's ids of the message: nearly all messages have one id, and hashes are compared faster. $absent: the reason of absences.
CREATE OR REPLACE TEMP TABLE staged_reported AS
WITH life AS (
    SELECT
        campaign_id, recipient_id, arg_max(event, event_id) AS state, arg_max(slice_no, event_id) AS slice_no,
        min(hash(gateway_message_id)) FILTER (gateway_message_id IS NOT NULL) AS first_id,
        max(hash(gateway_message_id)) FILTER (gateway_message_id IS NOT NULL) AS last_id,
        bool_or(event = 'planned' AND reason = $absent) AS was_absent,
        bool_or(event NOT IN ('suppressed', 'planned')) AS was_tried -- guard: untried-waits
    FROM message_event SEMI JOIN (SELECT campaign_id, recipient_id FROM staged_found) AS found
        USING (campaign_id, recipient_id)
    GROUP BY campaign_id, recipient_id
)
SELECT
    arrival.position, arrival.report_no, arrival.gateway_message_id, arrival.client_ref,
    arrival.reason, arrival.is_permanent, arrival.charge, arrival.charge_unit, arrival.charge_segments, arrival.word,
    arrival.cause,
    found.campaign_id, found.recipient_id, found.number_id, found.segment_count, found.price,
    coalesce(life.slice_no, found.slice_no) AS slice_no,
    life.state, life.first_id, life.last_id, coalesce(life.was_absent, false) AS was_absent,
    coalesce(life.was_tried, false) AS was_tried, coalesce(life.state <> 'claimed', false) AS is_applied,
    staged_rows.event
FROM staged_arrivals AS arrival
JOIN staged_found AS found USING (position)
LEFT JOIN life ON life.campaign_id = found.campaign_id AND life.recipient_id = found.recipient_id
LEFT JOIN staged_rows ON staged_rows.state = life.state AND staged_rows.status = arrival.status

-- name: report.untried
-- staged_reported: ReportedMessages
-- One report on a message that this store never tried, if there is one: the gateway knows more than the store. A message
-- that an opt-out suppressed, or that waits for credit (planned), and that has no other event, was never tried.
SELECT gateway_message_id FROM staged_reported WHERE NOT was_tried LIMIT 1

-- name: report.has_absent
-- staged_reported: ReportedMessages
-- Whether a report is on a message that a look-up did not find.
SELECT coalesce(bool_or(was_absent), false) FROM staged_reported

-- name: report.late
-- staged_reported: ReportedMessages
-- Late acceptances: one row per message that a look-up did not find and that a report now proves accepted, with the
-- time of its claim and of the absence. A report with the id of a later acceptance belongs to that one. $absent: the
-- reason of the absence event.
WITH matched AS (
    SELECT DISTINCT campaign_id, recipient_id, gateway_message_id FROM staged_reported WHERE was_absent
)
SELECT max(claimed.recorded_at) AS claimed_at, absence.recorded_at AS absent_at
FROM matched
JOIN message_event AS absence ON absence.campaign_id = matched.campaign_id
    AND absence.recipient_id = matched.recipient_id
    AND absence.event = 'planned' AND absence.reason = $absent
JOIN message_event AS claimed ON claimed.campaign_id = matched.campaign_id
    AND claimed.recipient_id = matched.recipient_id
    AND claimed.event = 'claimed' AND claimed.event_id < absence.event_id
ANTI JOIN message_event AS later ON later.campaign_id = matched.campaign_id
    AND later.recipient_id = matched.recipient_id
    AND later.event_id > absence.event_id
    AND later.gateway_message_id = matched.gateway_message_id
GROUP BY matched.campaign_id, matched.recipient_id, absence.recorded_at

-- name: report.of_other_ids
-- staged_reported: ReportedMessages
-- One row per report whose id disagrees with the message of its client_ref: the message is known by other ids, or the id
-- belongs to another message (is_of_another). The ids of all messages are read only for messages that are not known by
-- the reported id.
WITH referred AS (
    SELECT position, campaign_id, recipient_id, gateway_message_id, first_id, is_applied
    FROM staged_reported
    WHERE client_ref IS NOT NULL
        AND hash(gateway_message_id) IS DISTINCT FROM first_id
        AND hash(gateway_message_id) IS DISTINCT FROM last_id
),
known AS (
    SELECT DISTINCT referred.position
    FROM referred JOIN message_event USING (campaign_id, recipient_id, gateway_message_id)
),
stranger AS (
    SELECT * FROM referred ANTI JOIN known USING (position)
),
others AS (
    SELECT stranger.position
    FROM stranger
    JOIN message_event ON message_event.gateway_message_id = stranger.gateway_message_id
    JOIN campaign ON campaign.campaign_id = message_event.campaign_id AND campaign.gateway = $gateway
    WHERE stranger.is_applied
        AND (message_event.campaign_id, message_event.recipient_id) <> (stranger.campaign_id, stranger.recipient_id)
    UNION
    SELECT stranger.position
    FROM stranger JOIN staged_reported AS other
        ON other.gateway_message_id = stranger.gateway_message_id AND other.client_ref IS NOT NULL
        AND (other.campaign_id, other.recipient_id) <> (stranger.campaign_id, stranger.recipient_id)
)
SELECT stranger.position, stranger.campaign_id, others.position IS NOT NULL AS is_of_another
FROM stranger LEFT JOIN others USING (position)
WHERE others.position IS NOT NULL OR stranger.first_id IS NOT NULL

-- name: report.stage_moves
-- staged_reported: ReportedMessages
-- staged_rows: ReportPositions
-- The reports that change their message, without the staged rows, which prove nothing. Grain: one message, by its first
-- final report. Key: (campaign_id, recipient_id).
CREATE OR REPLACE TEMP TABLE staged_moves AS
SELECT
    position, campaign_id, recipient_id, number_id, segment_count, price, slice_no, state, event, reason, cause, word,
    is_permanent, gateway_message_id
FROM staged_reported SEMI JOIN (
    SELECT coalesce(min(position) FILTER (event <> 'accepted'), min(position)) AS position
    FROM staged_reported
    WHERE event IS NOT NULL AND position NOT IN (SELECT position FROM staged_rows)
    GROUP BY campaign_id, recipient_id
) AS first_final USING (position)

-- name: report.moved_in
-- staged_moves: MovedMessages
-- staged_rows: MessageStates
-- The messages that reports change, of some states.
SELECT
    campaign_id, recipient_id, segment_count, CAST(price AS VARCHAR) AS price, slice_no, state, gateway_message_id
FROM staged_moves SEMI JOIN staged_rows USING (state)
ORDER BY event = 'accepted', position

-- name: report.moves_of_note
-- staged_moves: MovedMessages
-- The messages that reports change and that may make a number dead, or end the row of its absences; not those of erased
-- people (below 0).
SELECT number_id, '+' || number_id AS msisdn, event, reason, cause, is_permanent, word
FROM staged_moves
WHERE number_id > 0 AND (
    is_permanent
    OR number_id IN (SELECT number_id FROM staged_moves WHERE event = 'undelivered' AND cause = $absent)
    OR number_id IN (SELECT number_id FROM absence)
)
ORDER BY event = 'accepted', position

-- name: report.count_moves
-- staged_moves: MovedMessages
-- How many messages get each event.
SELECT event, count(*) AS message_count FROM staged_moves GROUP BY event ORDER BY event

-- name: report.add_events
-- staged_moves: MovedMessages
-- Add the final events, in the order of the reports. $first_event_id: the id of the first one.
INSERT INTO message_event
SELECT
    $first_event_id - 1 + row_number() OVER (ORDER BY position),
    campaign_id, recipient_id, event, slice_no, 0, NULL, reason, $at
FROM staged_moves WHERE event <> 'accepted'

-- name: report.charged
-- staged_reported: ReportedMessages
-- staged_rows: ReportPositions
-- The charges of reports on messages that are accepted, in the order of the reports, without the staged rows.
SELECT
    reported.campaign_id, reported.recipient_id, reported.slice_no, reported.segment_count,
    CAST(reported.price AS VARCHAR) AS price, CAST(reported.charge AS VARCHAR) AS charge, reported.charge_unit,
    reported.charge_segments, CAST(message_charge.amount AS VARCHAR) AS charged_before
FROM staged_reported AS reported LEFT JOIN message_charge USING (campaign_id, recipient_id)
WHERE reported.charge IS NOT NULL
    AND (reported.event IS NOT NULL OR reported.state IN ('accepted', 'delivered', 'undelivered'))
    AND reported.position NOT IN (SELECT position FROM staged_rows)
ORDER BY reported.position

-- name: report.add
-- staged_arrivals: ReportArrivals
-- staged_reported: ReportedMessages
-- Store the reports that were read, with the next numbers; some are left out. applied_at NULL: it waits. campaign_id NULL: its message was not found.
INSERT INTO delivery_report (
    report_no, gateway, report_id, gateway_message_id, client_ref, status, reason, is_permanent, reported_at, charge,
    charge_unit, charge_segments, word, cause, recorded_at, applied_at, campaign_id
)
SELECT
    coalesce((SELECT report_no FROM delivery_report ORDER BY report_no DESC LIMIT 1), 0) + arrival.position, $gateway,
    arrival.report_id, arrival.gateway_message_id, arrival.client_ref, arrival.status, arrival.reason,
    arrival.is_permanent, arrival.reported_at, arrival.charge, arrival.charge_unit, arrival.charge_segments,
    arrival.word, arrival.cause, $at, CASE WHEN reported.is_applied THEN $at END, reported.campaign_id
FROM staged_arrivals AS arrival LEFT JOIN staged_reported AS reported USING (position)
WHERE arrival.report_no IS NULL

-- name: report.mark_applied
-- staged_reported: ReportedMessages
-- Mark reports that waited as applied.
UPDATE delivery_report SET applied_at = $at
WHERE report_no IN (SELECT report_no FROM staged_reported WHERE report_no IS NOT NULL AND is_applied)

-- name: report.count_waiting
-- The number of reports of a gateway that are not applied yet.
SELECT count(*) FROM delivery_report WHERE gateway = $gateway AND applied_at IS NULL

-- name: report.unknown_words
-- Words of a gateway's reports since $since that are in no table, the most frequent first, at most 20: how many reports
-- have each, and when the last one came.
SELECT word, count(*) AS report_count, max(recorded_at) AS last_at
FROM delivery_report
WHERE recorded_at >= $since AND gateway = $gateway AND cause = 'unknown word'
GROUP BY word ORDER BY report_count DESC, word LIMIT 20
