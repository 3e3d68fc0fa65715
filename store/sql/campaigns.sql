-- Campaigns, their recaps and their history.

-- name: campaign.find
-- The name of a cancelled campaign may be used again, so the newest.
SELECT * FROM campaign WHERE name = $name ORDER BY campaign_id DESC LIMIT 1

-- name: campaign.find_standing
-- The one campaign that holds all automatic answers, or all notices, of a gateway.
SELECT * FROM campaign WHERE kind = $kind AND gateway = $gateway

-- name: campaign.standing_of
SELECT campaign_id FROM campaign WHERE kind = $kind

-- name: campaign.get
SELECT * FROM campaign WHERE campaign_id = $campaign_id

-- name: campaign.names
SELECT name FROM campaign WHERE kind IN ('marketing', 'alert') ORDER BY campaign_id DESC LIMIT 20

-- name: campaign.next_id
SELECT coalesce(max(campaign_id), 0) + 1 FROM campaign

-- name: campaign.add
INSERT INTO campaign (
    campaign_id, name, kind, state, version, gateway, policy, sender_id, requested_service, is_sample, draft,
    recap_hash, approved_hash, is_stopped, due_at, state_reason, created_at, updated_at
) VALUES (
    $campaign_id, $name, $kind, $state, $version, $gateway, $policy, $sender_id, $requested_service, $is_sample, $draft,
    NULL, NULL, false, $due_at, NULL, $at, $at
)

-- name: campaign.rewrite
UPDATE campaign SET
    kind = $kind, version = $version, gateway = $gateway, policy = $policy, sender_id = $sender_id,
    requested_service = $requested_service, is_sample = $is_sample, draft = $draft, due_at = $due_at,
    stale_reason = NULL, updated_at = $at
WHERE campaign_id = $campaign_id

-- name: campaign.set_recap_hash
UPDATE campaign SET recap_hash = $recap_hash, updated_at = $at WHERE campaign_id = $campaign_id

-- name: campaign.approve
UPDATE campaign SET state = 'approved', approved_hash = recap_hash, due_at = $due_at, updated_at = $at
WHERE campaign_id = $campaign_id AND state = 'prepared'

-- name: campaign.set_state
UPDATE campaign SET state = $state, state_reason = $state_reason, due_at = $due_at, updated_at = $at
WHERE campaign_id = $campaign_id

-- name: campaign.stop
UPDATE campaign SET is_stopped = true WHERE campaign_id = $campaign_id

-- name: campaign.due
-- An orphan (its sender is gone) is due too: its lease ran out while it was still sending.
SELECT campaign.campaign_id, campaign.name, coalesce(lease.fence, 0) AS fence
FROM campaign
LEFT JOIN lease ON lease.campaign_id = campaign.campaign_id
WHERE campaign.state IN ('approved', 'parked', 'sending')
    AND campaign.due_at <= $at
    AND coalesce(lease.expires_at, $at) <= $at
ORDER BY campaign.kind, campaign.due_at

-- name: campaign.add_event
INSERT INTO campaign_event
SELECT $campaign_id, coalesce(max(event_no), 0) + 1, $event, $version, $actor, $detail, $at
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

-- name: audience.candidates
-- One row a contact of the named lists, in the order the draft names them.
SELECT
    contact_list.list_name AS origin,
    contact.import_id,
    contact.row_number,
    contact.number_id,
    contact.msisdn,
    contact.territory,
    contact.fields,
    opt_out.number_id IS NOT NULL AS is_opted_out,
    dead_number.number_id IS NOT NULL AS is_dead,
    contact.number_id IN (
        SELECT other.number_id FROM contact AS other JOIN contact_list AS excluded USING (list_id)
        WHERE list_contains($exclude_lists, excluded.list_name)
    ) AS is_excluded
FROM contact
JOIN contact_list USING (list_id)
LEFT JOIN opt_out USING (number_id)
LEFT JOIN dead_number USING (number_id)
WHERE list_contains($lists, contact_list.list_name)
ORDER BY list_position($lists, contact_list.list_name), contact.number_id

-- name: audience.typed
-- staged_rows: origin VARCHAR, row_number BIGINT, number_id BIGINT, msisdn VARCHAR, territory VARCHAR
-- Numbers typed by hand, seen with the same eyes as contacts.
SELECT
    staged_rows.origin,
    CAST(NULL AS BIGINT) AS import_id,
    staged_rows.row_number,
    staged_rows.number_id,
    staged_rows.msisdn,
    staged_rows.territory,
    '{}' AS fields,
    opt_out.number_id IS NOT NULL AS is_opted_out,
    dead_number.number_id IS NOT NULL AS is_dead,
    staged_rows.number_id IN (
        SELECT other.number_id FROM contact AS other JOIN contact_list AS excluded USING (list_id)
        WHERE list_contains($exclude_lists, excluded.list_name)
    ) AS is_excluded
FROM staged_rows
LEFT JOIN opt_out USING (number_id)
LEFT JOIN dead_number USING (number_id)
ORDER BY staged_rows.row_number

-- name: audience.field_names
SELECT DISTINCT unnest(json_keys(contact.fields)) AS field
FROM contact JOIN contact_list USING (list_id)
WHERE list_contains($lists, contact_list.list_name)
ORDER BY field

-- name: message.forget
-- Only while nothing was claimed: a campaign that is prepared again is cut anew.
DELETE FROM message WHERE campaign_id = $campaign_id

-- name: slice.forget
DELETE FROM slice WHERE campaign_id = $campaign_id

-- name: message.add
-- staged_rows: recipient_id BIGINT, number_id BIGINT, msisdn VARCHAR, text VARCHAR, encoding VARCHAR, sender_id VARCHAR, segment_count BIGINT, price VARCHAR, territory VARCHAR, window_key VARCHAR, slice_no BIGINT, origin VARCHAR, import_id BIGINT, row_number BIGINT
-- client_ref is fixed here, before the first try: 80 bits of a keyed hash of the campaign and the recipient.
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
FROM staged_rows

-- name: slice.cut
-- One slice for each slice_no that the messages of these numbers name.
INSERT INTO slice
SELECT
    campaign_id, slice_no, any_value(window_key), count(*), sum(price), false, 'planned', NULL, NULL, NULL, 0
FROM message
WHERE campaign_id = $campaign_id AND slice_no >= $first_slice_no
GROUP BY campaign_id, slice_no

-- name: exclusion.add
-- staged_rows: number_id BIGINT, msisdn VARCHAR, reason VARCHAR, origin VARCHAR, import_id BIGINT, row_number BIGINT
INSERT INTO exclusion
SELECT $campaign_id, $version, number_id, msisdn, reason, origin, import_id, row_number FROM staged_rows

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
    campaign_id, version, recap_hash, header, audience_count, message_count, exclusion_count, segment_count,
    total_price, unit, prepared_at
) VALUES (
    $campaign_id, $version, $recap_hash, $header, $audience_count, $message_count, $exclusion_count, $segment_count,
    $total_price, $unit, $at
)

-- name: recap.get
SELECT * FROM recap WHERE campaign_id = $campaign_id AND version = $version

-- name: recap.exclusions
SELECT reason, count(*) AS contact_count FROM exclusion
WHERE campaign_id = $campaign_id AND version = $version GROUP BY reason ORDER BY contact_count DESC, reason

-- name: recap.territories
SELECT territory, count(*) AS message_count, sum(segment_count) AS segment_count, sum(price) AS price
FROM message WHERE campaign_id = $campaign_id GROUP BY territory ORDER BY message_count DESC, territory

-- name: recap.windows
SELECT window_key, count(*) AS message_count FROM message
WHERE campaign_id = $campaign_id GROUP BY window_key ORDER BY message_count DESC, window_key

-- name: recap.encodings
SELECT encoding, segment_count, count(*) AS message_count FROM message
WHERE campaign_id = $campaign_id GROUP BY encoding, segment_count ORDER BY encoding, segment_count

-- name: recap.previews
-- Real texts: the shortest, the longest, the dearest.
SELECT * FROM (
    (SELECT 'shortest' AS which, msisdn, text, segment_count, price FROM message
     WHERE campaign_id = $campaign_id ORDER BY length(text), recipient_id LIMIT 1)
    UNION ALL
    (SELECT 'longest', msisdn, text, segment_count, price FROM message
     WHERE campaign_id = $campaign_id ORDER BY length(text) DESC, recipient_id LIMIT 1)
    UNION ALL
    (SELECT 'dearest', msisdn, text, segment_count, price FROM message
     WHERE campaign_id = $campaign_id ORDER BY price DESC, recipient_id LIMIT 1)
)

-- name: policy.remember
INSERT INTO policy_snapshot
SELECT $policy, $sha256, $valid_from, $text, $at
WHERE NOT EXISTS (SELECT 1 FROM policy_snapshot WHERE policy = $policy AND sha256 = $sha256)
