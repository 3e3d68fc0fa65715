-- Campaigns, their recaps and their history.

-- name: campaign.find
-- The name of a cancelled campaign may be used again, so the newest.
SELECT * FROM campaign WHERE name = $name ORDER BY campaign_id DESC LIMIT 1

-- name: campaign.paused
SELECT name FROM campaign WHERE state = 'paused' ORDER BY campaign_id

-- name: campaign.find_standing
-- The one campaign that holds all automatic answers, or all notices, of a gateway.
SELECT * FROM campaign WHERE kind = $kind AND gateway = $gateway

-- name: campaign.standing_of
SELECT campaign_id, kind FROM campaign WHERE kind = $kind

-- name: campaign.get
SELECT * FROM campaign WHERE campaign_id = $campaign_id

-- name: campaign.names
SELECT name FROM campaign WHERE kind IN ('marketing', 'alert') ORDER BY campaign_id DESC LIMIT 20

-- name: campaign.next_id
SELECT coalesce(max(campaign_id), 0) + 1 FROM campaign

-- name: campaign.add
INSERT INTO campaign (
    campaign_id, name, kind, state, version, gateway, policy, sender_id, requested_service, emergency_reason, is_sample,
    draft, recap_hash, approved_hash, is_stopped, due_at, offer_ends_at, if_closed, max_lateness_hours, state_reason,
    created_at, updated_at
) VALUES (
    $campaign_id, $name, $kind, $state, $version, $gateway, $policy, $sender_id, $requested_service, $emergency_reason,
    $is_sample, $draft, NULL, NULL, false, $due_at, $offer_ends_at, $if_closed, $max_lateness_hours, NULL, $at, $at
)

-- name: campaign.rewrite
UPDATE campaign SET
    kind = $kind, version = $version, gateway = $gateway, policy = $policy, sender_id = $sender_id,
    requested_service = $requested_service, emergency_reason = $emergency_reason, is_sample = $is_sample, draft = $draft,
    due_at = $due_at, offer_ends_at = $offer_ends_at, if_closed = $if_closed, max_lateness_hours = $max_lateness_hours,
    stale_reason = NULL, updated_at = $at
WHERE campaign_id = $campaign_id

-- name: campaign.set_recap_hash
UPDATE campaign SET recap_hash = $recap_hash, updated_at = $at WHERE campaign_id = $campaign_id

-- name: campaign.approve
-- first_due_at stays; due_at moves on whenever the campaign is parked.
UPDATE campaign SET
    state = 'approved', approved_hash = recap_hash, due_at = $due_at, first_due_at = $first_due_at,
    updated_at = $at
WHERE campaign_id = $campaign_id AND state = 'prepared'

-- name: campaign.set_state
UPDATE campaign SET state = $state, state_reason = $state_reason, due_at = $due_at, updated_at = $at
WHERE campaign_id = $campaign_id

-- name: campaign.stop
UPDATE campaign SET is_stopped = true WHERE campaign_id = $campaign_id

-- name: campaign.due
-- An orphan (its sender is gone) is due too: its lease ran out while it was still sending.
SELECT
    campaign.campaign_id, campaign.name, campaign.kind, campaign.version, campaign.state, campaign.updated_at,
    coalesce(lease.fence, 0) AS fence, lease.run_id
FROM campaign
LEFT JOIN lease ON lease.campaign_id = campaign.campaign_id
WHERE campaign.state IN ('approved', 'parked', 'sending')
    AND campaign.due_at <= $at
    AND coalesce(lease.expires_at, $at) <= $at
ORDER BY campaign.kind, campaign.due_at

-- name: campaign.add_event
INSERT INTO campaign_event (campaign_id, event_no, event, version, actor, detail, recorded_at, after_event_id)
SELECT
    $campaign_id, coalesce(max(event_no), 0) + 1, $event, $version, $actor, $detail, $at,
    greatest(
        (SELECT coalesce(max(event_id), 0) FROM message_event),
        (SELECT coalesce(max(after_event_id), 0) FROM campaign_event)
    )
FROM campaign_event WHERE campaign_id = $campaign_id

-- name: campaign.events
SELECT event, version, actor, detail, recorded_at FROM campaign_event
WHERE campaign_id = $campaign_id ORDER BY event_no

-- name: campaign.committed
-- What the approved campaigns of a gateway still need: slices not yet claimed.
SELECT coalesce(sum(slice.price), 0)
FROM slice JOIN campaign USING (campaign_id)
WHERE slice.state = 'planned'
    AND campaign.gateway = $gateway
    AND campaign.state IN ('approved', 'sending', 'parked', 'paused')

-- name: audience.has_field
SELECT true AS is_there FROM contact
WHERE list_contains($list_ids, list_id) AND json_exists(fields, $pointer) LIMIT 1

-- name: audience.field_names
SELECT DISTINCT unnest(json_keys(fields)) AS field
FROM contact WHERE list_contains($list_ids, list_id)
ORDER BY field

-- name: audience.mark
-- A digest of all that a recap took from its lists: another one as soon as a person, a field or a legal basis differs.
SELECT count(*) || '-' || coalesce(bit_xor(hash(
    contact.list_id, contact.number_id, contact.territory, contact.fields, contact_list.legal_basis
)), 0) AS mark
FROM contact JOIN contact_list USING (list_id)
WHERE list_contains($list_names, contact_list.list_name)

-- name: message.forget
-- Only while nothing was claimed: a campaign that is prepared again is cut anew.
DELETE FROM message WHERE campaign_id = $campaign_id

-- name: departure.forget
DELETE FROM departure WHERE campaign_id = $campaign_id

-- name: departure.add
-- staged_departures: window_key VARCHAR, starts_at TIMESTAMPTZ, ends_at TIMESTAMPTZ, message_count BIGINT
INSERT INTO departure
SELECT $campaign_id, row_number() OVER (ORDER BY starts_at, window_key), window_key, starts_at, ends_at, message_count
FROM staged_departures

-- name: departure.list
SELECT window_key, starts_at, ends_at, message_count FROM departure WHERE campaign_id = $campaign_id ORDER BY departure_no

-- name: slice.forget
DELETE FROM slice WHERE campaign_id = $campaign_id

-- name: message.add
-- staged_messages: recipient_id BIGINT, number_id BIGINT, msisdn VARCHAR, text VARCHAR, encoding VARCHAR, sender_id VARCHAR, segment_count BIGINT, price VARCHAR, territory VARCHAR, window_key VARCHAR, slice_no BIGINT, origin VARCHAR, import_id BIGINT, row_number BIGINT
-- client_ref is fixed here, before the first try: 80 bits of a keyed hash of the campaign and the recipient. Rows come in
-- the order of the queue and stay in it, so that a claim reads little.
INSERT INTO message
SELECT
    $campaign_id,
    recipient_id,
    number_id,
    msisdn,
    text,
    encoding,
    sender_id,
    segment_count,
    CAST(price AS DECIMAL(18, 6)),
    territory,
    window_key,
    left(sha256(concat_ws(':', $store_key, $campaign_id, recipient_id)), 20),
    slice_no,
    origin,
    import_id,
    row_number
FROM staged_messages

-- name: slice.cut
-- One slice for each slice_no that the messages of these numbers name.
INSERT INTO slice (
    campaign_id, slice_no, window_key, message_count, price, is_requeued, state, absent_count, segment_count, cut_as
)
SELECT
    campaign_id, slice_no, any_value(window_key), count(*), sum(price), false, 'planned', 0, sum(segment_count), slice_no
FROM message
WHERE campaign_id = $campaign_id AND slice_no >= $first_slice_no
GROUP BY campaign_id, slice_no

-- name: slice.set_hours
-- staged_hours: window_key VARCHAR, not_before TIMESTAMPTZ
UPDATE slice SET not_before = staged_hours.not_before
FROM staged_hours
WHERE slice.campaign_id = $campaign_id AND slice.window_key = staged_hours.window_key

-- name: slice.hours
-- The hour of its own that each place has, NULL where it has none.
SELECT DISTINCT window_key, not_before FROM slice WHERE campaign_id = $campaign_id ORDER BY window_key, not_before

-- name: exclusion.add
-- staged_exclusions: number_id BIGINT, msisdn VARCHAR, reason VARCHAR, origin VARCHAR, import_id BIGINT, row_number BIGINT
INSERT INTO exclusion
SELECT $campaign_id, $version, number_id, msisdn, reason, origin, import_id, row_number FROM staged_exclusions

-- name: recap.hash_messages
-- Every text, recipient, price and place, in one order whatever the order they were written in.
SELECT sha256(coalesce(string_agg(
    sha256(concat_ws(
        chr(31), recipient_id, number_id, msisdn, text, encoding, sender_id, segment_count, price, territory, window_key,
        client_ref
    )),
    '' ORDER BY recipient_id
), ''))
FROM message WHERE campaign_id = $campaign_id

-- name: recap.totals
SELECT count(*) AS message_count, coalesce(sum(segment_count), 0) AS segment_count, coalesce(sum(price), 0) AS total_price
FROM message WHERE campaign_id = $campaign_id

-- name: recap.add
INSERT INTO recap (
    campaign_id, version, recap_hash, header, details, audience_mark, audience_count, message_count, exclusion_count,
    segment_count, total_price, unit, prepared_at
) VALUES (
    $campaign_id, $version, $recap_hash, $header, $details, $audience_mark, $audience_count, $message_count,
    $exclusion_count, $segment_count, $total_price, $unit, $at
)

-- name: recap.get
SELECT * FROM recap WHERE campaign_id = $campaign_id AND version = $version

-- name: recap.exclusions
SELECT reason, count(*) AS contact_count FROM exclusion
WHERE campaign_id = $campaign_id AND version = $version GROUP BY reason ORDER BY contact_count DESC, reason

-- name: recap.territories
SELECT territory, count(*) AS message_count, sum(segment_count) AS segment_count, sum(price) AS price
FROM message WHERE campaign_id = $campaign_id GROUP BY territory ORDER BY message_count DESC, territory

-- name: recap.people_changed
-- staged_messages: recipient_id BIGINT, text VARCHAR
-- Who came, who went, and who will read something else, against the messages of the version before.
SELECT
    count(*) FILTER (message.recipient_id IS NULL) AS added,
    count(*) FILTER (staged_messages.recipient_id IS NULL) AS removed,
    count(*) FILTER (message.text <> staged_messages.text) AS rewritten
FROM staged_messages
FULL JOIN (SELECT recipient_id, text FROM message WHERE campaign_id = $campaign_id) AS message USING (recipient_id)

-- name: recap.places
SELECT window_key, count(*) AS message_count FROM message
WHERE campaign_id = $campaign_id GROUP BY window_key ORDER BY message_count DESC, window_key

-- name: recap.unsent
-- So many messages of each place will not leave; taken as its cheapest, so that the others cost no more than the rest.
SELECT
    CAST(coalesce(sum(taken), 0) AS BIGINT) AS message_count,
    CAST(coalesce(sum(taken * segment_count), 0) AS BIGINT) AS segment_count,
    coalesce(sum(taken * price), 0) AS price
FROM (
    SELECT sized.segment_count, sized.price, greatest(0, least(
        sized.message_count, expiring.expiring_count - (sized.running_count - sized.message_count)
    )) AS taken
    FROM (
        SELECT
            window_key, segment_count, price, count(*) AS message_count,
            sum(count(*)) OVER (PARTITION BY window_key ORDER BY price, segment_count) AS running_count
        FROM message WHERE campaign_id = $campaign_id GROUP BY window_key, segment_count, price
    ) AS sized
    JOIN (
        SELECT
            unnest(CAST($window_keys AS VARCHAR[])) AS window_key,
            unnest(CAST($expiring_counts AS BIGINT[])) AS expiring_count
    ) AS expiring USING (window_key)
)

-- name: recap.encodings
SELECT encoding, segment_count, count(*) AS message_count, sum(price) AS price FROM message
WHERE campaign_id = $campaign_id GROUP BY encoding, segment_count ORDER BY encoding, segment_count

-- name: recap.previews
-- Real texts: the shortest, the longest, the dearest, one from elsewhere, and one with what stands in for an empty cell.
SELECT which, msisdn, text, encoding, segment_count, price, territory FROM (
    (SELECT 1 AS rank, 'shortest' AS which, * FROM message
     WHERE campaign_id = $campaign_id ORDER BY length(text), recipient_id LIMIT 1)
    UNION ALL
    (SELECT 2, 'longest', * FROM message
     WHERE campaign_id = $campaign_id ORDER BY length(text) DESC, recipient_id LIMIT 1)
    UNION ALL
    (SELECT 3, 'dearest', * FROM message
     WHERE campaign_id = $campaign_id ORDER BY price DESC, length(text) DESC, recipient_id LIMIT 1)
    UNION ALL
    (SELECT 4, 'overseas', * FROM message
     WHERE campaign_id = $campaign_id AND territory <> $home ORDER BY recipient_id LIMIT 1)
    UNION ALL
    (SELECT 5, 'with defaults', * FROM message
     WHERE campaign_id = $campaign_id AND recipient_id = $defaulted_id)
) ORDER BY rank

-- name: policy.remember
INSERT INTO policy_snapshot
SELECT $policy, $sha256, $valid_from, $text, $at
WHERE NOT EXISTS (SELECT 1 FROM policy_snapshot WHERE policy = $policy AND sha256 = $sha256)
