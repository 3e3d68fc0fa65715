"""The one page of the sandbox for people: what it holds, with numbers masked."""

from html import escape

from campanile.gateways.sandbox.state import Entry, SandboxState
from campanile.sms.text.masking import mask_numbers

LAST_MESSAGES = 20

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Campanile sandbox</title>
<style>
body {{ font-family: sans-serif; margin: 2rem; max-width: 60rem }}
td, th {{ text-align: left; padding: .2rem 1rem .2rem 0; vertical-align: top }}
</style></head><body>
<h1>Campanile sandbox</h1>
<p>Nothing here leaves this machine.</p>
<table>{counts}</table>
<h2>Last messages</h2>
<table><tr><th>accepted at</th><th>to</th><th>sender</th><th>segments</th><th>price</th><th>text</th></tr>
{messages}</table>
</body></html>
"""


def render_page(sandbox_state: SandboxState) -> str:
    """Return the page."""
    counts = (
        ("balance", f"{sandbox_state.balance} {sandbox_state.tariff.unit}"),
        ("clock", sandbox_state.now().isoformat(timespec="seconds")),
        ("messages accepted", len(sandbox_state.accepted)),
        ("delivery reports given", len(sandbox_state.reports)),
        ("replies", len(sandbox_state.replies)),
        ("opt-outs", len(sandbox_state.opt_outs)),
    )
    last = reversed(sandbox_state.accepted[-LAST_MESSAGES:])
    return _PAGE.format(
        counts="\n".join(_row(name, value) for name, value in counts),
        messages="\n".join(_message_row(message) for message in last),
    )


def _message_row(message: Entry) -> str:
    return _row(
        message["accepted_at"][:19],
        mask_numbers(message["to"]),
        message["sender_id"],
        message["segments"],
        message["price"],
        mask_numbers(message["text"]),
    )


def _row(*cells: object) -> str:
    return "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in cells) + "</tr>"
