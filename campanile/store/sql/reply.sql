-- Replies and their automatic answers. Key: reply_id.

-- name: reply.known
-- staged_rows: ReplyKeys
-- The positions of the staged replies that are stored already. All fields are compared, because a provider that
-- restarts its numbering gives an old id to a new reply; only the id, if there is one and $ids_are_unique. A reply that
-- came in two ways, once without an id (in a file) or with a time that is rounded in another way, is known by its number
-- and text, at most a minute apart; a refusal never is, so that no refusal is left out. Of a reply of an erased person
-- (number_id below 0) only id and time are left: it must not come back when the history is read again. Without an id,
-- only time is left, which is that of other people's replies too: then the number must be that of an erased person.
SELECT staged_rows.position
FROM staged_rows JOIN reply
    ON reply.gateway = $gateway
    AND reply.gateway_reply_id = staged_rows.gateway_reply_id
    AND (
        ($ids_are_unique AND staged_rows.gateway_reply_id <> '')
        OR (
            CASE
                WHEN reply.number_id IS NULL OR reply.number_id > 0
                    THEN reply.sender = staged_rows.sender AND reply.text = staged_rows.text
                ELSE reply.gateway_reply_id <> '' OR opt_out_key(staged_rows.number_id) IN (
                    SELECT opt_out_key FROM opt_out_entry WHERE source = 'erasure'
                )
            END
            AND reply.received_at = staged_rows.received_at
        )
    )
UNION
SELECT staged_rows.position
FROM staged_rows JOIN reply
    ON reply.gateway = $gateway
    AND reply.number_id = staged_rows.number_id
    AND CASE
        WHEN reply.gateway_reply_id = '' THEN staged_rows.gateway_reply_id <> ''
        WHEN staged_rows.gateway_reply_id = '' THEN reply.gateway_reply_id <> ''
        ELSE reply.gateway_reply_id = staged_rows.gateway_reply_id
    END
    AND trim(reply.text) = trim(staged_rows.text)
    AND reply.received_at BETWEEN staged_rows.received_at - INTERVAL 60 SECOND
        AND staged_rows.received_at + INTERVAL 60 SECOND
WHERE NOT staged_rows.is_refusal

-- name: reply.near
-- staged_rows: ReplyIds
-- One row per reply of the people of the staged replies that was received within $seconds of one of these, in the order
-- of their times. is_new: it is one of the staged ones.
SELECT
    reply.reply_id, reply.number_id, reply.text, reply.verdict, reply.received_at,
    reply.reply_id IN (SELECT reply_id FROM staged_rows) AS is_new
FROM reply
SEMI JOIN (
    SELECT fresh.number_id, fresh.received_at
    FROM reply AS fresh SEMI JOIN staged_rows USING (reply_id)
) AS fresh
    ON reply.number_id = fresh.number_id
    AND reply.received_at BETWEEN fresh.received_at - to_seconds(CAST($seconds AS BIGINT))
        AND fresh.received_at + to_seconds(CAST($seconds AS BIGINT))
WHERE reply.gateway = $gateway
ORDER BY reply.number_id, reply.received_at, reply.reply_id

-- name: reply.set_verdicts
-- staged_rows: ReplyIds
-- Set the verdict of replies that are parts of a longer one.
UPDATE reply SET verdict = $verdict WHERE reply_id IN (SELECT reply_id FROM staged_rows)

-- name: reply.next_id
-- The number of the next reply.
SELECT coalesce(max(reply_id), 0) + 1 FROM reply

-- name: reply.add
-- staged_rows: Replies
-- Add replies. counts_at: received_at, or the time of reading if received_at is in the future or before $oldest.
-- campaign_id, recipient_id: the last message that was posted to this person at or before counts_at and that may have
-- reached them; NULL: there is none. The time of a message is that of its claim, which is stored before the post, so a
-- reply that is read before the answer of the gateway is linked too. Campanile's own messages do not count.
INSERT INTO reply (
    reply_id, gateway, gateway_reply_id, sender, number_id, text, verdict, campaign_id, recipient_id, received_at,
    counts_at, recorded_at
)
WITH timed AS (
    SELECT *, CASE WHEN received_at BETWEEN $oldest AND $at THEN received_at ELSE $at END AS counts_at
    FROM staged_rows
),
sent AS (
    SELECT message.campaign_id, message.recipient_id, message.number_id
    FROM message JOIN campaign USING (campaign_id)
    WHERE campaign.kind IN ('marketing', 'alert') AND message.number_id IN (SELECT number_id FROM staged_rows)
),
step AS (
    SELECT
        sent.*, message_event.event_id, message_event.event, message_event.recorded_at,
        last_value(message_event.event) OVER (
            PARTITION BY sent.campaign_id, sent.recipient_id ORDER BY message_event.event_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        ) AS state
    FROM message_event JOIN sent USING (campaign_id, recipient_id)
),
last_message AS (
    SELECT timed.reply_id, step.campaign_id, step.recipient_id
    FROM timed JOIN step ON step.number_id = timed.number_id AND step.recorded_at <= timed.counts_at
    WHERE step.event IN ('claimed', 'unknown')
        AND step.state IN ('claimed', 'unknown', 'accepted', 'delivered', 'undelivered', 'written_off')
    QUALIFY row_number() OVER (PARTITION BY timed.reply_id ORDER BY step.recorded_at DESC, step.event_id DESC) = 1
)
SELECT
    timed.reply_id, $gateway, timed.gateway_reply_id, timed.sender, timed.number_id, timed.text, timed.verdict,
    last_message.campaign_id, last_message.recipient_id, timed.received_at, timed.counts_at, $at
FROM timed LEFT JOIN last_message USING (reply_id)

-- name: reply.unanswered
-- One row per reply without a decision on its automatic answer, the oldest first, at most $most. answer_count: answers
-- to the same person after $since.
WITH waiting AS (
    SELECT * FROM reply WHERE gateway = $gateway AND answer IS NULL ORDER BY reply_id LIMIT $most
)
SELECT
    waiting.reply_id, waiting.number_id, waiting.sender, waiting.verdict, waiting.counts_at,
    opt_out_key(waiting.number_id) IN (SELECT opt_out_key FROM opt_out_entry WHERE lifted_at IS NULL) AS is_opted_out,
    coalesce(answered.answer_count, 0) AS answer_count
FROM waiting LEFT JOIN (
    SELECT number_id, count(*) AS answer_count FROM reply
    WHERE answer = 'planned' AND answered_at > $since AND number_id IN (SELECT number_id FROM waiting)
    GROUP BY number_id
) AS answered USING (number_id)
ORDER BY waiting.reply_id

-- name: reply.set_answers
-- staged_rows: ReplyAnswers
-- Record the decisions on automatic answers. Grain: one reply.
UPDATE reply SET answer = staged_rows.answer, answered_at = $at
FROM staged_rows WHERE staged_rows.reply_id = reply.reply_id

-- name: reply.answered_since
-- The number of automatic answers of a gateway that were decided on after $since.
SELECT count(*) FROM reply WHERE gateway = $gateway AND answer = 'planned' AND answered_at > $since

-- name: reply.answers_of
-- The automatic answers of a gateway that it accepted since $since, and what they cost: one row.
SELECT count(*) AS answer_count, coalesce(sum(coalesce(message_charge.amount, message.price)), 0) AS cost
FROM (
    SELECT DISTINCT message_event.campaign_id, message_event.recipient_id
    FROM message_event JOIN campaign USING (campaign_id)
    WHERE campaign.kind = 'auto_reply' AND campaign.gateway = $gateway
        AND message_event.event = 'accepted' AND message_event.recorded_at >= $since
) AS accepted
JOIN message USING (campaign_id, recipient_id)
LEFT JOIN message_charge USING (campaign_id, recipient_id)

-- name: reply.doubtful
-- One row per doubtful STOP that is not settled, the oldest first, at most $most. A START of the person settles it too.
-- doubtful_count: how many there are in total.
SELECT
    reply.reply_id, reply.sender, reply.text, reply.received_at, campaign.name AS campaign,
    count(*) OVER () AS doubtful_count
FROM reply LEFT JOIN campaign USING (campaign_id)
WHERE reply.verdict = 'stop_doubtful'
    AND reply.settled_as IS NULL
    AND reply.reply_id NOT IN (
        SELECT reply_id FROM opt_out_entry WHERE reply_id IS NOT NULL AND lifted_at IS NOT NULL
    )
ORDER BY reply.reply_id LIMIT $most

-- name: reply.get
-- One reply by its key.
SELECT verdict, settled_as, settled_by FROM reply WHERE reply_id = $reply_id

-- name: reply.settle
-- Record what a person decided on a doubtful reply. $settled_as: 'lift' or 'keep'.
UPDATE reply SET settled_as = $settled_as, settled_by = $actor, settled_at = $at WHERE reply_id = $reply_id

-- name: reply.to_hand_over
-- One row per campaign with replies of verdict 'other' that are not in the file of its reply owner yet; campaign: its
-- name, NULL for replies without a campaign.
SELECT DISTINCT campaign.name AS campaign
FROM reply LEFT JOIN campaign USING (campaign_id)
WHERE reply.verdict = 'other' AND reply.handed_over_at IS NULL AND coalesce(reply.number_id, 0) >= 0
ORDER BY campaign

-- name: reply.of_owner
-- The replies of verdict 'other' to a campaign, or of none ($campaign NULL), in order, without those of erased people. Key:
-- reply_id.
SELECT
    reply.reply_id, reply.received_at, reply.sender, reply.text, reply.gateway, reply.gateway_reply_id,
    message.text AS message_text
FROM reply
LEFT JOIN campaign USING (campaign_id)
LEFT JOIN message ON message.campaign_id = reply.campaign_id AND message.recipient_id = reply.recipient_id
WHERE reply.verdict = 'other' AND campaign.name IS NOT DISTINCT FROM $campaign AND coalesce(reply.number_id, 0) >= 0
ORDER BY reply.reply_id

-- name: reply.mark_handed_over
-- staged_rows: ReplyIds
-- Record that replies are in the file of their campaign.
UPDATE reply SET handed_over_at = $at
WHERE reply_id IN (SELECT reply_id FROM staged_rows) AND handed_over_at IS NULL

-- name: reply.to_mail
-- The replies of verdict 'other' whose campaign has a reply owner who has not got them by mail, at most $most.
SELECT
    reply.reply_id, reply.received_at, reply.sender, reply.text, campaign.name AS campaign,
    campaign.draft ->> '$.reply_owner' AS owner
FROM reply JOIN campaign USING (campaign_id)
WHERE reply.verdict = 'other' AND reply.mailed_at IS NULL AND campaign.draft ->> '$.reply_owner' IS NOT NULL
    AND coalesce(reply.number_id, 0) >= 0
ORDER BY reply.reply_id LIMIT $most

-- name: reply.mark_mailed
-- staged_rows: ReplyIds
-- Record that replies are mailed to their owner; $at NULL: the mail was refused.
UPDATE reply SET mailed_at = $at WHERE reply_id IN (SELECT reply_id FROM staged_rows)

-- name: reply.by_verdict
-- One row per verdict and answer of the replies to a campaign.
SELECT verdict, coalesce(answer, 'waiting') AS answer, count(*) AS reply_count
FROM reply WHERE campaign_id = $campaign_id GROUP BY verdict, answer ORDER BY verdict, answer

-- name: reply.totals
-- One row per verdict and answer of the replies of a gateway.
SELECT verdict, coalesce(answer, 'waiting') AS answer, count(*) AS reply_count
FROM reply WHERE gateway = $gateway GROUP BY verdict, answer ORDER BY verdict, answer

-- name: reply.share
-- The replies that get an automatic answer, per message that a gateway accepted. A person who writes twice counts
-- twice. NULL before the first accepted message.
SELECT (
    SELECT count(*) FROM reply JOIN campaign USING (campaign_id)
    WHERE campaign.kind IN ('marketing', 'alert') AND reply.verdict IN ('other', 'start', 'help')
) / nullif((
    SELECT count(*) FROM message_event JOIN campaign USING (campaign_id)
    WHERE campaign.kind IN ('marketing', 'alert') AND message_event.event = 'accepted'
), 0) AS share
