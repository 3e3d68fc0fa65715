"""Undo an opt-out that was recorded by mistake: a named person says why, and the history keeps both."""

from campanile.sms.errors import CampaignError
from campanile.store.contacts.opt_outs import SOURCES_BY_HAND
from campanile.store.db.database import Transaction
from schemas.contact_rows import OptOut, OptOutInForce

#: Sources that a mistake of the team can explain: any reason will do.
_BY_TEAM = frozenset({*SOURCES_BY_HAND, "file", "reply_doubtful"})
#: All others are the person's or the provider's own word. The reason must begin with these words, so that nobody ends
#: such an opt-out without saying what it is.
REASON_BEGINS = {
    "reply": "own STOP:",
    "wrong_number": "fresh consent:",
    "gateway": "removed at the provider:",
}


def undo_opt_outs(
    tx: Transaction, actor: str, reason: str, *, number_id: int | None = None, entry_id: int | None = None
) -> tuple[list[OptOutInForce], OptOut | None]:
    """Lift the opt-outs of a number that are in force, or one of them; all, or none if one may not be lifted so.

    Return those that were lifted, and one that still applies to the person. Messages that the opt-out suppressed stay
    suppressed.

    Raises:
        CampaignError: there is none, or the reason does not say what it ends.
    """
    found = tx.select(OptOutInForce, "opt_out.in_force", number_id=number_id, entry_id=entry_id)
    if not found:
        what = "the number has no opt-out in force" if entry_id is None else f"opt-out {entry_id} is not in force"
        raise CampaignError(f"{what}: nothing to undo; export-opt-outs lists all of them")
    for row in found:
        begins = REASON_BEGINS.get(row.source)
        if row.source not in _BY_TEAM and (begins is None or not reason.casefold().startswith(begins.casefold())):
            raise CampaignError(
                f"opt-out {row.entry_id} (source {row.source}) is the word of the person or the provider, so nothing "
                f"is undone: give a reason that begins with {begins!r} if it ends all the same, or the entry_id of "
                "another opt-out"
            )
    entry_ids = [row.entry_id for row in found]
    tx.run("opt_out.undo", entry_ids=entry_ids, actor=actor, reason=reason, number_id=number_id, at=tx.at)
    return found, tx.find(OptOut, "opt_out.rest", entry_id=entry_ids[0], reply_id=None)
