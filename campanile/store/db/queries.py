"""Every SQL statement of the store by its name, read once at start.

``store/sql/*.sql`` has statements with the head ``-- name: entity.verb_noun``; parameters are named (``$campaign_id``).
An unknown name is an error at its first use, and ``check_statements`` plans each statement against an empty store, so
that a misspelt column is found at start and not during a campaign. A line ``-- staged_rows: ContactRows`` in the head
of a statement names the frame of ``schemas.frames`` that it reads.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files

from campanile.sms.errors import StoreError

_HEAD = re.compile(r"^-- name: (?P<name>[a-z_]+\.[a-z_0-9]+)\s*$", re.MULTILINE)
_STAGED = re.compile(r"^-- (?P<table>staged_[a-z]+): (?P<frame>.+)$", re.MULTILINE)


class Statements(Mapping[str, str]):
    """Statements by name; an unknown name is an error that lists its entity's names."""

    def __init__(self, by_name: dict[str, str]) -> None:
        self._by_name = by_name

    def __getitem__(self, name: str) -> str:
        if name not in self._by_name:
            entity = name.partition(".")[0]
            known = [other for other in self._by_name if other.startswith(f"{entity}.")]
            raise StoreError(f"no statement {name}; {entity} has {', '.join(known) or 'none'}")
        return self._by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)


def parse_statements(text: str, origin: str) -> dict[str, str]:
    """Return the statements of one file by name.

    Raises:
        StoreError: a name is used twice, or there is text before the first name.
    """
    heads = list(_HEAD.finditer(text))
    if not heads or (text[: heads[0].start()].replace("-", "").strip() and not text.startswith("--")):
        raise StoreError(f"{origin}: a statement file starts with comments and then '-- name: entity.verb'")
    ends = [head.start() for head in heads[1:]] + [len(text)]
    found: dict[str, str] = {}
    for head, end in zip(heads, ends, strict=True):
        if head["name"] in found:
            raise StoreError(f"{origin}: there are two statements {head['name']}")
        found[head["name"]] = text[head.end() : end].strip().rstrip(";")
    return found


@cache
def staged_types(sql: str) -> Mapping[str, Mapping[str, str]]:
    """Return the staged tables that a statement reads: by table, the columns of its frame and their types.

    pandera, which describes frames, is imported at the first use: ``check_statements`` uses it when a store is opened,
    before any transaction.

    Raises:
        StoreError: the statement names a frame that does not exist.
    """
    from schemas.frame_checks import FRAMES, duckdb_types

    found = {match["table"]: match["frame"] for match in _STAGED.finditer(sql)}
    if unknown := sorted(set(found.values()) - set(FRAMES)):
        raise StoreError(
            f"no frame {unknown[0]!r} in schemas/frames.py, inbound_frames.py, report_frames.py or scratch_frames.py"
        )
    return {table: duckdb_types(frame) for table, frame in found.items()}


def json_pointer(field: str) -> str:
    """Return the JSON pointer of a field in an object, for names with any characters (RFC 6901).

    >>> json_pointer("price/unit")
    '/price~1unit'
    """
    return "/" + field.replace("~", "~0").replace("/", "~1")


def _load() -> Statements:
    found: dict[str, str] = {}
    for path in sorted(files("campanile.store").joinpath("sql").iterdir(), key=lambda item: item.name):
        if path.name.endswith(".sql"):
            found |= parse_statements(path.read_text(encoding="utf-8"), path.name)
    return Statements(found)


STATEMENTS = _load()
