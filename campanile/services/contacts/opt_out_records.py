"""Undo opt-outs that were recorded by mistake, and export all opt-outs with their proof."""

import os
from pathlib import Path

from campanile.files.exports import export_csv
from campanile.services.context import Context
from campanile.services.input_checks import require_actor, require_reason
from campanile.sms.errors import CampaignError, InvalidNumber
from campanile.sms.numbers.msisdn import parse_number
from campanile.sms.text.formatting import count_text
from campanile.sms.text.masking import mask_number
from campanile.store.contacts.opt_out_undo import undo_opt_outs


def undo_opt_out(context: Context, number: str, entry_id: int, actor: str, reason: str) -> str:
    """Undo the opt-outs of a number, or one of them by its id; return one line with the result.

    Raises:
        CampaignError: number and entry_id are both given or both empty, the number cannot be read, there is no such
            opt-out, actor or reason is empty, or the reason does not say what it ends.
    """
    actor, reason = require_actor(actor), require_reason(reason)
    if bool(number.strip()) == bool(entry_id):
        raise CampaignError("give the number of the person, or the entry_id of one opt-out, and not both")
    try:
        number_id = parse_number(number, context.settings.region).number_id if number.strip() else None
    except InvalidNumber as error:
        raise CampaignError(f"number {mask_number(number)} cannot be read: {error}") from error
    with context.transaction() as tx:
        lifted, rest = undo_opt_outs(tx, actor, reason, number_id=number_id, entry_id=entry_id or None)
    ends = (
        "the person may be written to again; messages that were suppressed stay so"
        if rest is None
        else f"the person stays opted out by another opt-out ({rest.source})"
    )
    whose = lifted[0].msisdn or number.strip()
    person = f" of {mask_number(whose)}" if whose else ""
    line = f"{actor} undid {count_text(len(lifted), 'opt-out')}{person}: {ends}"
    context.log.info(line)
    return line


def export_opt_outs(context: Context) -> tuple[Path, str]:
    """Write every opt-out with its proof as a CSV, for its owner only; return its path and one line."""
    day = context.now().astimezone(context.settings.zone).date()
    with context.transaction(read_only=True) as tx:
        rows = tx.frame("opt_out.export")
    folder = context.data_path("exports", "opt_outs")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = export_csv(rows, folder / f"opt-outs-{day}.csv")
    os.chmod(path, 0o600)
    in_force = int(rows["is_in_force"].sum()) if len(rows) else 0
    line = f"{count_text(len(rows), 'opt-out')}, {in_force} in force, with their proof: {path}"
    if context.settings.opt_out_key is not None:
        line += "; without numbers, because opt-outs are kept as keyed hashes"
    context.log.info("%d opt-outs exported", len(rows))
    return path, line
