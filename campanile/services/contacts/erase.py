"""Erase one person: files first, then the store and its copies, so that a killed run can be repeated."""

import re
from collections.abc import Iterator, Sequence
from html import unescape
from pathlib import Path

from campanile.files.erase_callbacks import erase_from_callbacks
from campanile.files.erase_rows import Erasure, erase_from_file, holds_number
from campanile.pages.person_views import ErasedView
from campanile.services.contacts.explain import FOLDER, person_number
from campanile.services.context import Context
from campanile.services.input_checks import require_actor, require_reason
from campanile.sms.errors import CampaignError, SmsError
from campanile.sms.numbers.msisdn import Number
from campanile.sms.numbers.written_forms import number_pattern
from campanile.sms.text.masking import mask_number
from campanile.store.contacts.erasure import Traces, check_settled, erase, read_traces
from campanile.store.contacts.person_records import read_records
from campanile.store.db.compact import compact
from campanile.store.db.database import transaction
from campanile.store.db.migrate import migrate

#: Folders of the data folder whose files are rewritten. Files that people still work with are only reported.
_OWN_FOLDERS = ("archive", "refused", "rejects", "exports", "snapshot")
#: Pages: they are deleted if they show the person, because they can be made again.
_PAGE_SUFFIXES = frozenset({".html", ".md", ".json"})
#: What else may be in the data folder and has the number: what to do.
_ADVICE = {
    "inbox": "remove the row before the file is imported",
    "sandbox": "this is the test gateway's own record; delete the folder together with the store",
    "logs": "the next make up begins new logs",
    "prefect": "Prefect's database was busy: run erase-person again",
}
#: A shorter text, such as STOP, stands on pages of everybody.
_SHORTEST_TEXT = 12
_ELSEWHERE = "remove it by hand, if it belongs to this person"


def check_erasable(context: Context, number: str, actor: str, reason: str) -> Traces:
    """Refuse an erasure that is not possible now; return what identifies the person outside the store.

    Raises:
        CampaignError: the number is not valid, a message is still in flight or unknown, actor or reason is empty, or
            the reason contains the number.
    """
    found = person_number(context, number)
    require_actor(actor)
    if re.search(number_pattern(found.msisdn), require_reason(reason)):
        raise CampaignError("reason contains the number, and it is kept: say why without it")
    with context.transaction(read_only=True) as tx:
        check_settled(tx, found.number_id)
        return read_traces(tx, found.number_id, found.msisdn)


def erase_person(context: Context, number: str, actor: str, reason: str, prefect: Sequence[str]) -> ErasedView:
    """Erase a person from files, the store and its copies; the number stays opted out.

    Args:
        context: the context.
        number: the number, in any usual form.
        actor: who does it.
        reason: why; it is kept.
        prefect: what was deleted in Prefect, for the page.

    Raises:
        CampaignError: as ``check_erasable``.
        StoreError: the store file could not be rewritten; run the erasure again.
    """
    traces = check_erasable(context, number, actor, reason)
    found = person_number(context, number)
    files = _erase_files(context, traces)
    path, wait = context.settings.store_file, context.settings.store_wait_seconds
    with context.transaction() as tx:
        check_settled(tx, found.number_id)
        rows = erase(tx, found.number_id, found.msisdn, actor.strip(), reason.strip())
    compact(path, wait_seconds=wait)
    backups, remaining = _erase_backups(context, found, actor.strip(), reason.strip())
    view = ErasedView(rows, files, backups, prefect, [*remaining, *_remaining(context, traces)])
    context.log.info("a person is erased and stays opted out")
    return view


def is_about(text: str, traces: Traces) -> bool:
    """Return whether a page or a parameter shows a person: the number, also masked, or a text that only they have."""
    masked = mask_number(traces.msisdn)
    if masked in text.replace("\\", "") or re.search(number_pattern(traces.msisdn), text):
        return True
    letters = _letters(text)
    return any(own in letters for own in map(_letters, traces.texts) if len(own) >= _SHORTEST_TEXT)


def _letters(text: str) -> str:
    """Return the letters and digits of a text: a page escapes and breaks what it shows."""
    return re.sub(r"[\W_]+", "", unescape(text))


def _erase_files(context: Context, traces: Traces) -> dict[str, str]:
    """Remove the person's rows from files that Campanile wrote or archived; return what was done, by path."""
    data, done = context.settings.data_dir, {}
    marks = {f"-{digest[:8]}" for digest in traces.file_hashes}
    for path in [path for folder in _OWN_FOLDERS for path in _files_of(data / folder)]:
        is_explanation = path.parent == data.joinpath(*FOLDER)
        if is_explanation:
            result = _delete(path, is_about_them=holds_number(path, traces.msisdn))
        elif path.suffix.lower() in _PAGE_SUFFIXES:
            result = _delete(path, is_about_them=_shows(path, traces))
        else:
            result = erase_from_file(path, traces.msisdn, traces.pseudonyms)
        is_source = path.relative_to(data).parts[0] == "archive" and any(mark in path.stem for mark in marks)
        if result is Erasure.NOTHING and is_source:  # the number is in it in a form that cannot be searched for
            path.unlink()
            result = Erasure.DELETED
        if result is not Erasure.NOTHING:
            done[str(path.relative_to(data))] = result.value
    for path in _files_of(context.settings.callbacks, "*.jsonl"):
        if erase_from_callbacks(path, traces.msisdn, traces.pseudonyms) is not Erasure.NOTHING:
            done[f"{path.parent.name}/{path.name}"] = Erasure.REWRITTEN.value
    return done


def _shows(path: Path, traces: Traces) -> bool:
    """Return whether a page shows the person, or is of a campaign of theirs: it has examples of replies."""
    return path.parent.name in traces.campaigns or is_about(path.read_text(encoding="utf-8", errors="replace"), traces)


def _delete(path: Path, *, is_about_them: bool) -> Erasure:
    if not is_about_them:
        return Erasure.NOTHING
    path.unlink()
    return Erasure.DELETED


def _erase_backups(context: Context, found: Number, actor: str, reason: str) -> tuple[list[str], list[str]]:
    """Erase the person in each copy of the store; return the copies that were rewritten, and those that were not."""
    name, wait = context.settings.store_file.name, context.settings.store_wait_seconds
    key = context.settings.opt_out_key
    done, failed = [], []
    for copy in sorted(context.settings.backups.glob(f"*/{name}")):
        try:
            migrate(copy, context.now, wait_seconds=wait)
            with transaction(copy, context.now, wait_seconds=wait, is_numbered=False, opt_out_key=key) as tx:
                is_known = read_records(tx, found.number_id, found.msisdn).is_known
                if is_known:
                    erase(tx, found.number_id, found.msisdn, actor, reason)
            compact(copy, wait_seconds=wait)
            copy.with_name(f"{name}.lock").unlink(missing_ok=True)
        except SmsError as error:
            failed.append(f"{copy.parent}: {error}; delete this copy of the store")
            continue
        if is_known:
            done.append(str(copy.parent))
    return done, failed


def _remaining(context: Context, traces: Traces) -> list[str]:
    """Return where the number still is in the data folder, besides the store, and what to do about it."""
    data, store = context.settings.data_dir, context.settings.store_file
    copies = context.settings.backups.resolve()
    found = []
    for path in _files_of(data):
        if path.parent == store.parent and path.name.startswith(store.stem):
            continue  # the store: it has the number once, in the opt-out
        if path.resolve().is_relative_to(copies) or not holds_number(path, traces.msisdn):
            continue
        inside = path.relative_to(data)
        found.append(f"{inside}: {_ADVICE.get(inside.parts[0], _ELSEWHERE)}")
    return found


def _files_of(folder: Path, pattern: str = "*") -> Iterator[Path]:
    """Yield the files of a folder and its subfolders, without links, in order."""
    yield from (path for path in sorted(folder.rglob(pattern)) if path.is_file() and not path.is_symlink())
