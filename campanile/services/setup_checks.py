"""Checks of diagnose-setup on disk space, the clock, backups, prices and lists.

Each check returns one line, or ``Advice`` if nothing is broken but a person should act.

Raises everywhere:
    SmsError: the check failed; the line says what was found.
"""

import shutil
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from campanile.gateways.server_time import seconds_ahead
from campanile.services.clock import real_now
from campanile.services.context import Context
from campanile.services.fork_client import connect
from campanile.services.liveness import span_text
from campanile.sms.errors import ConfigurationError
from campanile.sms.text.formatting import count_text
from campanile.sms.text.segments import count_segments
from campanile.store.contacts.lists import lists
from campanile.store.db.clock_check import behind_words, newest_time, seconds_behind

#: Free bytes: below the first number the check fails, below the second one a person should make room.
_LEAST_FREE, _LITTLE_FREE = 500_000_000, 2_000_000_000
_OLD_BACKUP = timedelta(days=7)
_MAX_SECONDS_OFF = 30


class Advice(NamedTuple):
    """A finding that is not an error, and what to do about it."""

    found: str
    to_do: str


def check_disk(context: Context) -> str | Advice:
    """Check the free disk space: a store needs up to three times its size while it is checkpointed or copied."""
    store = context.settings.store_file
    free = shutil.disk_usage(store.parent).free
    size = store.stat().st_size if store.exists() else 0
    line = f"{free / 1e9:.1f} GB free where the store is ({size / 1e6:.1f} MB)"
    if free < max(_LEAST_FREE, size):
        raise ConfigurationError(f"{line}: sending stops when the disk is full, so make room")
    if free < max(_LITTLE_FREE, 3 * size):
        return Advice(line, "make room, or move the data folder (SMS_DATA_DIR)")
    return line


def check_clock(context: Context, prefect_url: str | None) -> str:
    """Compare the clock with the newest time in the store, and with the clocks of the gateway and of Prefect."""
    with context.transaction(read_only=True) as tx:
        behind, newest = seconds_behind(tx), newest_time(tx)
    if newest is not None and behind > context.settings.clock_margin_seconds:
        raise ConfigurationError(behind_words(newest, behind))
    compared = []
    for who, url in _servers(context, prefect_url).items():
        ahead = seconds_ahead(url, real_now)
        if ahead is not None and abs(ahead) > _MAX_SECONDS_OFF:
            way = "ahead of" if ahead > 0 else "behind"
            raise ConfigurationError(f"the clock of this machine is {span_text(_span(ahead))} {way} that of {who}")
        compared.append(f"{who} {'does not give the time' if ahead is None else 'agrees'}")
    return f"{context.now():%Y-%m-%d %H:%M:%S} UTC; {', '.join(compared)}. {context.simulation_note}".strip()


def check_backups(context: Context) -> str | Advice:
    """Check the age of the newest copy of the store."""
    folder = context.settings.backups
    copies = [path for path in folder.glob("*") if path.is_dir() and not path.name.endswith(".unfinished")]
    to_do = "run backup-store now, and each night by cron (docs/backup.md)"
    if not copies:
        return Advice(f"there is no copy of the store in {folder}", to_do)
    newest = max(copies, key=lambda path: path.stat().st_mtime)
    age = real_now() - datetime.fromtimestamp(newest.stat().st_mtime, UTC)
    line = f"the newest copy, {newest}, is {span_text(age)} old"
    return Advice(line, to_do) if age > _OLD_BACKUP else line


def check_prices(context: Context) -> str | Advice:
    """Compare the tariff with the allowed countries, and with the territories of the contacts."""
    gateway = context.settings.gateway
    prices = context.tariff(gateway).prices
    with context.transaction(read_only=True) as tx:
        people = tx.counts("list.all_territories")
    line = f"{len(prices)} territories have a price at {gateway}"
    missing = [
        f"{territory} ({count_text(people[territory], 'contact')})" if territory in people else territory
        for territory in sorted({*context.settings.allowed_countries, *people} - set(prices))
    ]
    if not missing:
        return line
    file = context.settings.tariff_dir / f"{gateway}.csv"
    return Advice(
        f"{line}; without a price: {', '.join(missing)}, so no campaign with people there can be prepared",
        f"add a line for each to {file}, or remove it from SMS_ALLOWED_COUNTRIES",
    )


def check_identity(context: Context) -> str | Advice:
    """Show the text that answers HELP, with its segments."""
    text = context.settings.editor_identity
    if text is None:
        return Advice(
            "SMS_EDITOR_IDENTITY is not set, so HELP gets no answer while the auto-responder is off",
            "set it to a text that says who writes and how to reach you",
        )
    parts = count_segments(text)
    return f"HELP is answered with {count_text(parts.segment_count, 'segment')} of {parts.encoding}: {text}"


def check_runs_server(context: Context, prefect_url: str | None) -> str | Advice:
    """Return how the runs of workers start."""
    if prefect_url is None:
        return "no server is set (PREFECT_API_URL): flows run in the process that starts them"
    if not context.settings.warm_runs:
        return "a run starts in a new interpreter (SMS_WARM_RUNS is false)"
    server = connect(str(context.settings.runs_socket.resolve()))
    if server is None:
        line = "the server of runs does not answer: runs start in new interpreters, some seconds later"
        return Advice(line, "start python -m scripts.run_server; after a change of the code it restarts by itself")
    server.close()
    return "a run starts as a fork of the server of runs"


def check_lists(context: Context) -> str | Advice:
    """Name the lists without a legal basis, to which no marketing is sent."""
    with context.transaction(read_only=True) as tx:
        found = lists(tx)
    undeclared = [row.list_name for row in found if not row.legal_basis]
    line = f"{count_text(len(found), 'list')}, {len(found) - len(undeclared)} with a legal basis"
    if not undeclared:
        return line
    return Advice(
        f"{line}; without one: {', '.join(undeclared)}, so no marketing is sent to them",
        "run manage-list with action declare and a legal_basis (consent, customer or service) for each",
    )


def _servers(context: Context, prefect_url: str | None) -> dict[str, str]:
    """Return the URLs of the servers whose clocks are compared, by the names of the servers."""
    gateway = context.settings.gateway
    found = {
        f"gateway {gateway}": getattr(context.settings, f"{gateway}_url", None),
        "Prefect": prefect_url,
    }
    return {who: str(url) for who, url in found.items() if url}


def _span(seconds: float) -> timedelta:
    return timedelta(seconds=abs(seconds))
