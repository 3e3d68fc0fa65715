-- Replies and their automatic answers. Key: reply_id.

-- name: reply.known
-- staged_rows: ReplyKeys
-- The positions of the staged replies that are stored already. All fields are compared, because a provider that
-- restarts its numbering gives an old id to a new reply; only the id if $ids_are_unique.
SELECT staged_rows.position
FROM staged_rows JOIN reply
    ON reply.gateway = $gateway
    AND reply.gateway_reply_id = staged_rows.gateway_reply_id
    AND ($ids_are_unique OR (
        reply.sender = staged_rows.sender
        AND reply.text = staged_rows.text
        AND reply.received_at = staged_rows.received_at
    ))

-- name: reply.next_id
-- The number of the next reply.
SELECT coalesce(max(reply_id), 0) + 1 FROM reply

-- name: reply.add
-- staged_rows: Replies
-- Add replies. campaign_id: the last campaign with a message to this person. counts_at: received_at, or the time of
-- reading if received_at is in the future or before $oldest.
INSERT INTO reply (
    reply_id, gateway, gateway_reply_id, sender, number_id, text, verdict, campaign_id, received_at, counts_at,
    recorded_at
)
SELECT
    staged_rows.reply_id, $gateway, staged_rows.gateway_reply_id, staged_rows.sender, staged_rows.number_id,
    staged_rows.text, staged_rows.verdict, last_message.campaign_id, staged_rows.received_at,
    CASE WHEN staged_rows.received_at BETWEEN $oldest AND $at THEN staged_rows.received_at ELSE $at END, $at
FROM staged_rows
LEFT JOIN (
    SELECT message.number_id, max(message.campaign_id) AS campaign_id
    FROM message JOIN campaign USING (campaign_id)
    WHERE campaign.kind IN ('marketing', 'alert')
        AND message.number_id IN (SELECT number_id FROM staged_rows)
    GROUP BY message.number_id
) AS last_message USING (number_id)

-- name: reply.unanswered
-- One row per reply without a decision on its automatic answer, the oldest first, at most $most. answer_count: answers
-- to the same person after $since.
WITH waiting AS (
    SELECT * FROM reply WHERE gateway = $gateway AND answer IS NULL ORDER BY reply_id LIMIT $most
)
SELECT
    waiting.reply_id, waiting.number_id, waiting.sender, waiting.verdict, waiting.counts_at,
    waiting.number_id IN (SELECT number_id FROM opt_out_entry WHERE lifted_at IS NULL) AS is_opted_out,
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
SELECT number_id, verdict, settled_as, settled_by FROM reply WHERE reply_id = $reply_id

-- name: reply.settle
-- Record what a person decided on a doubtful reply. $settled_as: 'lift' or 'keep'.
UPDATE reply SET settled_as = $settled_as, settled_by = $actor, settled_at = $at WHERE reply_id = $reply_id

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
