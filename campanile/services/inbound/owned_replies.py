"""Hand replies over to the people who read them: a file for each campaign, and a mail to its reply owner.

These are the replies of verdict ``other``. Their numbers and texts are not masked, so they go to the file and the mail
only: never to a page, an artifact or the log.
"""

import os
from dataclasses import replace
from datetime import timedelta
from itertools import groupby
from pathlib import Path

import pandas as pd

from campanile.files.exports import export_csv
from campanile.gateways.mail import send_mail
from campanile.services.context import Context
from campanile.sms.errors import SmsError
from campanile.sms.text.formatting import local_time
from campanile.sms.text.masking import mask_numbers
from campanile.store.db.database import Transaction
from campanile.store.inbound.owned_replies import (
    campaigns_to_hand_over,
    mark_handed_over,
    mark_mailed,
    replies_of_owner,
    replies_to_mail,
)
from campanile.store.ledger.events import put_state
from schemas.inbound_rows import GatewayState, OwnedReply

#: No campaign can have this name: names begin with a letter or a digit.
WITHOUT_CAMPAIGN = "_without-campaign"
_MOST_MAILED = 1000
_REFUSED = "owner_mail_refused"
_WAIT = timedelta(minutes=10)


def hand_over_replies(context: Context) -> int:
    """Write the new replies to the files of their campaigns, and mail them to the reply owners.

    Return how many replies were new in the files.
    """
    with context.transaction(read_only=True) as tx:
        campaigns = campaigns_to_hand_over(tx)
    count = sum(_write_file(context, campaign) for campaign in campaigns)
    if count:
        context.log.info("replies: %d new in data/exports/replies", count)
    _mail(context)
    return count


def _write_file(context: Context, campaign: str | None) -> int:
    """Write all replies of a campaign to its file, whole, and record which are in it.

    The file is made from the store each time. So each reply is in it once, also if the process died before it could
    record that; and a file that was moved away comes back with the next reply.
    """
    with context.transaction(read_only=True) as tx:
        rows = replies_of_owner(tx, campaign)
    folder = context.data_path("exports", "replies")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _write_private(_on_local_time(context, rows), folder / f"{campaign or WITHOUT_CAMPAIGN}.csv")
    with context.transaction() as tx:
        return mark_handed_over(tx, rows["reply_id"].tolist())


def _on_local_time(context: Context, rows: pd.DataFrame) -> pd.DataFrame:
    zone = context.settings.zone
    return rows.assign(received_at=[at.astimezone(zone).isoformat(timespec="seconds") for at in rows["received_at"]])


def _write_private(rows: pd.DataFrame, path: Path) -> None:
    """Write a file that only its owner can read, from its first byte on."""
    before = os.umask(0o077)
    try:
        export_csv(rows, path)
    finally:
        os.umask(before)


def _mail(context: Context) -> None:
    """Mail the replies that no owner has got yet, one mail for each campaign; each reply is mailed once.

    Replies are marked before their mail is sent. If the server refuses it, the mark is taken back, and the mail is
    tried again after ten minutes. If the process dies in between, they are not mailed again: they are in the file.
    """
    if context.mail is None:
        return
    with context.transaction() as tx:
        replies = [] if _was_refused(context, tx) else replies_to_mail(tx, _MOST_MAILED)
        mark_mailed(tx, replies, tx.at)
    for (owner, campaign), group in groupby(
        sorted(replies, key=lambda reply: (reply.owner, reply.campaign, reply.reply_id)),
        key=lambda reply: (reply.owner, reply.campaign),
    ):
        _mail_group(context, owner, campaign, list(group))


def _mail_group(context: Context, owner: str, campaign: str, replies: list[OwnedReply]) -> None:
    assert context.mail is not None, "it was checked"
    zone = context.settings.zone
    lines = [f"{local_time(reply.received_at, zone)}  {reply.sender}\n{reply.text}\n" for reply in replies]
    subject = f"Campanile: replies to {campaign} ({len(replies)})"
    try:
        send_mail(replace(context.mail, recipients=[owner]), subject, "\n".join(lines))
    except SmsError as error:
        with context.transaction() as tx:
            mark_mailed(tx, replies, None)
            put_state(tx, context.settings.gateway, _REFUSED, "1")
        context.log.error(
            "replies to %s could not be mailed and are tried again: %s", campaign, mask_numbers(str(error))
        )


def _was_refused(context: Context, tx: Transaction) -> bool:
    """Return whether a mail was refused in the last minutes."""
    found = tx.find(GatewayState, "state.get", gateway=context.settings.gateway, name=_REFUSED)
    return found is not None and tx.at - found.changed_at < _WAIT
