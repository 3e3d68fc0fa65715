-- When a message may leave and until when it is worth sending, and who looks after it.

-- first_due_at: when its first message might have left, fixed by the approval; due_at moves on whenever it is parked.
-- if_closed: 'next_opening', or 'drop': what finds its place closed expires.
-- max_lateness_hours: what could not leave so long after its time expires; NULL: it waits.
ALTER TABLE campaign ADD COLUMN first_due_at TIMESTAMPTZ;
ALTER TABLE campaign ADD COLUMN if_closed VARCHAR DEFAULT 'next_opening';
ALTER TABLE campaign ADD COLUMN max_lateness_hours DOUBLE;
UPDATE campaign SET first_due_at = due_at WHERE state NOT IN ('prepared', 'cancelled');

-- not_before: the hour that the draft names, on the clock of the slice's place; NULL: the campaign's own time holds.
-- cut_as: the slice that its messages were cut into at first, as `message` has it. first_event_id: no event of this slice
-- stands before it. Both keep what a claim reads small, however long the campaign is.
ALTER TABLE slice ADD COLUMN not_before TIMESTAMPTZ;
ALTER TABLE slice ADD COLUMN segment_count BIGINT;
ALTER TABLE slice ADD COLUMN cut_as BIGINT;
ALTER TABLE slice ADD COLUMN first_event_id BIGINT;
UPDATE slice SET cut_as = slice_no WHERE NOT is_requeued;
UPDATE slice SET cut_as = found.cut_as, first_event_id = found.first_event_id
FROM (
    SELECT message_event.campaign_id, message_event.slice_no, min(message.slice_no) AS cut_as,
        min(message_event.event_id) AS first_event_id
    FROM message_event JOIN message USING (campaign_id, recipient_id)
    WHERE message_event.slice_no IS NOT NULL
    GROUP BY message_event.campaign_id, message_event.slice_no
) AS found
WHERE found.campaign_id = slice.campaign_id AND found.slice_no = slice.slice_no;
UPDATE slice SET segment_count = counted.segment_count
FROM (SELECT campaign_id, slice_no, sum(segment_count) AS segment_count FROM message GROUP BY campaign_id, slice_no) AS counted
WHERE counted.campaign_id = slice.campaign_id AND counted.slice_no = slice.slice_no;
UPDATE slice SET segment_count = message_count WHERE segment_count IS NULL;

-- run_id: the Prefect run that holds the lease, where one does.
ALTER TABLE lease ADD COLUMN run_id VARCHAR;
