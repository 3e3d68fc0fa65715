"""Read files of replies: a CSV or a workbook with sender, text, time and perhaps an id; each reply counts once."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from campanile.files.parsing.column_aliases import REPLY_SENDER_NAMES
from campanile.files.parsing.stage import StagedFile
from campanile.files.rejects import Reject, write_rejects
from campanile.files.reply_file import ALL_WORDS, UNREADABLE, FileReply, read_replies
from campanile.services.contacts.file_import import existing_file
from campanile.services.contacts.staged_files import DroppedFile, ReadOptions, clear_leftovers, stable_in, staged_file
from campanile.services.context import Context
from campanile.services.inbound.history import AT_ONCE
from campanile.services.inbound.history_rows import reply_rows
from campanile.services.inbound.sync import alert_rejected, keep_replies
from campanile.services.refusals import log_refusal
from campanile.sms.errors import ContactFileError
from campanile.sms.rules.replies.verdicts import SUPPRESSING, classify_reply
from campanile.sms.text.formatting import count_text
from campanile.sms.text.masking import mask_numbers
from schemas.gateway import IncomingReply

FOLDER = "replies"


@dataclass(slots=True)
class ReplyFile:
    """What became of the rows of one file: ``row_count`` = new + known + rejected, which ``reasons`` counts."""

    file_name: str
    row_count: int = 0
    new_count: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    def line(self) -> str:
        """Return one line for people."""
        rejected = self.reasons.total()
        parts = [f"{self.file_name}: {count_text(self.row_count, 'row')}, {self.new_count} new"]
        parts += [f"{self.row_count - self.new_count - rejected} known before"]
        parts += [f"{rejected} handed back ({', '.join(sorted(self.reasons))})"] if rejected else []
        return ", ".join(parts)


def read_reply_files(context: Context, gateway: str, path: str | None = None) -> tuple[list[str], list[str]]:
    """Read the given file, or every stable file of the drop folder, as replies of a gateway.

    Return the lines of the files that were read, and of those that were refused. A file that is read twice, or again
    after its reader was killed, has one effect.

    Args:
        context: the context.
        gateway: the gateway that the replies belong to: their automatic answers leave through it.
        path: a file; None: ``inbox/replies`` of the data folder.
    """
    clear_leftovers(context)
    inbox = context.data_path("inbox", FOLDER)
    files = stable_in(context, inbox) if path is None else [existing_file(context, path, FOLDER)]
    read: list[str] = []
    refused: list[str] = []
    for file in files:
        try:
            read.append(mask_numbers(_read_file(context, gateway, file).line()))
        except ContactFileError as error:
            refused.append(mask_numbers(str(error)))
            log_refusal(context.log, f"refused: {refused[-1]}")
    for line in read:
        context.log.info(line)
    return read, refused


def _read_file(context: Context, gateway: str, path: Path) -> ReplyFile:
    dropped = DroppedFile.at(path)
    options = ReadOptions(hidden_rows="keep", number_names=REPLY_SENDER_NAMES)
    try:
        with staged_file(context, path, options, allows_every_country=True) as staged:
            found = _keep_rows(context, gateway, staged)
    except ContactFileError:
        dropped.put_away(context, "refused", "refused")
        raise
    dropped.put_away(context, "archive", staged.sha256)
    return found


def _keep_rows(context: Context, gateway: str, staged: StagedFile) -> ReplyFile:
    """Keep the replies in transactions of ``AT_ONCE``, then hand back the rejected rows."""
    found, rejects = ReplyFile(staged.file_name), list[Reject]()
    settings = context.settings
    rows = read_replies(staged, settings.zone, is_day_first=settings.is_day_first)
    for part in _parts(rows):
        replies = [
            IncomingReply(row.gateway_reply_id, row.sender, row.text, row.received_at)
            for row in part
            if isinstance(row, FileReply)
        ]
        rejects += [row for row in part if isinstance(row, Reject)]
        frame = reply_rows(context, replies)
        with context.transaction() as tx:
            found.new_count += keep_replies(context, tx, gateway, frame)
        found.row_count += len(part)
    found.reasons.update(row.reason for row in rejects)
    if rejects:
        folder = context.data_path("rejects", FOLDER)
        folder.mkdir(parents=True, exist_ok=True)
        name = f"{Path(staged.file_name).stem}-{staged.sha256[:8]}.csv"
        write_rejects(folder / name, staged.header, rejects, ALL_WORDS)
        unread = [row for row in rejects if row.reason != UNREADABLE]  # the text of such a row was read: no refusal
        refusals = sum(any(classify_reply(cell) in SUPPRESSING for cell in row.cells) for row in unread)
        alert_rejected(context, gateway, name, refusals)
    return found


def _parts(rows: Iterator[FileReply | Reject]) -> Iterator[list[FileReply | Reject]]:
    while part := list(islice(rows, AT_ONCE)):
        yield part
