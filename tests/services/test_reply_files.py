"""Files of replies: dropped, read once whatever happens, verdicts and opt-outs as for replies that are polled."""

import csv
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pytest

from campanile.files.reply_file import parse_time
from campanile.gateways.kannel.callbacks import read_reply
from campanile.services.context import Context
from campanile.services.inbound.reply_files import read_reply_files
from campanile.store.db.invariants import broken_invariants
from schemas.gateway import IncomingReply
from tests.services.test_inbound import NOW, Desk, number
from tests.store.conftest import Clock

HEADER = "Sender;Message;Received at;Id"


class Folder(Desk):
    """The drop folder of a desk."""

    @property
    def inbox(self) -> Path:
        folder = self.context.data_path("inbox", "replies")
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def drop(self, *rows: str, name: str = "replies.csv", header: str = HEADER, encoding: str = "utf-8") -> Path:
        path = self.inbox / name
        path.write_bytes("\r\n".join([header, *rows, ""]).encode(encoding))
        return path

    def read_files(self, path: str | None = None) -> tuple[list[str], list[str]]:
        return read_reply_files(self.context, "sandbox", path)

    def replies(self) -> list[tuple]:
        return self.sql("SELECT gateway_reply_id, sender, text, verdict, received_at FROM reply ORDER BY reply_id")

    def rejects(self) -> list[list[str]]:
        (file,) = self.context.data_path("rejects", "replies").iterdir()
        return list(csv.reader(file.read_text(encoding="utf-8-sig").splitlines(), delimiter=";"))


@pytest.fixture
def desk(make_context, clock: Clock) -> Iterator[Folder]:
    context: Context = make_context(inbox_quiet_seconds=0)
    yield Folder(context, clock)
    with context.transaction(read_only=True) as tx:
        assert broken_invariants(tx) == {}


def test_a_file_is_read_like_replies_that_are_polled(desk: Folder) -> None:
    desk.drop(
        "06 12 34 00 01;STOP;2026-11-24 09:30:00;a1",
        '0033612340002;"Bonjour, c\'est quoi ?";24/11/2026 09:31;a2',
        "36180;Code 1234;2026-11-24T08:32:00Z;a3",
        "BANQUE;Votre compte;2026-11-24T08:33:00+00:00;a4",
    )
    read, refused = desk.read_files()
    assert (read, refused) == (["replies.csv: 4 rows, 4 new, 0 known before"], [])
    assert [(key, sender, text, verdict) for key, sender, text, verdict, _ in desk.replies()] == [
        ("a1", "+33612340001", "STOP", "stop"),
        ("a2", "+33612340002", "Bonjour, c'est quoi ?", "other"),
        ("a3", "36180", "Code 1234", "auto_reply"),
        ("a4", "BANQUE", "Votre compte", "other"),
    ]
    assert [f"{at:%H:%M}" for *_, at in desk.replies()] == ["08:30", "08:31", "08:32", "08:33"]
    assert desk.sql("SELECT msisdn, source FROM opt_out") == [("+33612340001", "reply")]
    assert list(desk.inbox.iterdir()) == []
    assert len(list((desk.context.settings.data_dir / "archive" / "replies").iterdir())) == 1


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_f62_a_stop_from_any_form_of_a_number_in_any_encoding(desk: Folder, encoding: str) -> None:
    desk.drop(
        "+33 6 12 34 00 01;Arrêt svp;2026-11-24 09:30;",
        "0033612340001;Arrêt;2026-11-24 09:31;",
        "06.12.34.00.01;STOP é;2026-11-24 09:32;",
        encoding=encoding,
    )
    desk.read_files()
    assert desk.sql("SELECT DISTINCT opt_out_key FROM opt_out_entry") == [(33612340001,)]
    assert [text for _, _, text, _, _ in desk.replies()] == ["Arrêt svp", "Arrêt", "STOP é"]


def test_f62_the_same_person_is_suppressed_whatever_form_the_gateway_gives(desk: Folder) -> None:
    for sender in ("+33612345678", "0033612345678", "06 12 34 56 78", "33612345678"):
        desk.count += 1
        desk.read("replies", [IncomingReply(f"f{desk.count}", sender, "STOP", desk.clock.at)])
    assert desk.sql("SELECT opt_out_key, count(*) FROM opt_out_entry GROUP BY opt_out_key") == [(33612345678, 4)]
    assert desk.sql("SELECT count(*) FROM opt_out") == [(1,)]


def test_a_file_that_is_read_twice_has_one_effect(desk: Folder) -> None:
    rows = [f"+3363998000{person};Oui {person};2026-11-24 09:3{person}:00;" for person in range(5)]
    desk.drop(*rows)
    desk.read_files()
    desk.drop(*reversed(rows), name="again.csv")
    read, _ = desk.read_files()
    assert read == ["again.csv: 5 rows, 0 new, 5 known before"]
    assert len(desk.replies()) == 5


def test_a_reply_that_was_polled_and_comes_in_a_file_without_its_id_is_one(desk: Folder) -> None:
    """The provider's export rounds the times, and knows no ids: one reply, so one answer."""
    at = desk.clock.at - timedelta(minutes=5)
    desk.switch_on()
    desk.read("replies", [IncomingReply("x1", number(1), "Merci bien", at + timedelta(seconds=17, milliseconds=250))])
    desk.drop(f"{number(1)};Merci bien;{at:%Y-%m-%dT%H:%M}Z;", f"{number(1)};Merci bien;{at:%Y-%m-%d} 04:00;")
    read, _ = desk.read_files()
    assert read == ["replies.csv: 2 rows, 1 new, 1 known before"], "the one at 04:00 is another one"
    assert desk.answer() == {"planned": 2}
    desk.drop(f"{number(2)};Oui;{at:%Y-%m-%dT%H:%M}Z;", name="first.csv")
    desk.read_files()
    desk.read("replies", [IncomingReply("x2", number(2), "Oui", at + timedelta(seconds=3))])
    assert desk.sql("SELECT count(*) FROM reply WHERE text = 'Oui'") == [(1,)], "in the other order too"


def test_bad_rows_are_handed_back_and_no_refusal_is_lost(desk: Folder) -> None:
    desk.drop(
        f"{number(1)};STOP;not a time;",
        f"{number(2)};Bonjour;not a time;",
        f"{number(3)};;2026-11-24 09:30;",
        ";Bonjour;2026-11-24 09:30;",
        f"{number(4)};Bonjour;2026-11-24 09:30;;;;too many",
        f"{number(5)};Merci;2026-11-24 09:30;",
    )
    read, refused = desk.read_files()
    reasons = "empty_number, no_text, unreadable_time, wrong_column_count"
    assert (read, refused) == ([f"replies.csv: 6 rows, 2 new, 0 known before, 4 handed back ({reasons})"], [])
    assert desk.sql("SELECT opt_out_key FROM opt_out") == [(int(number(1)),)], "a STOP counts whatever its time"
    header, *rows = desk.rejects()
    assert header == ["Sender", "Message", "Received at", "Id", "row", "reason", "what to do"]
    assert [(row[4], row[5]) for row in rows] == [
        ("3", "unreadable_time"),
        ("4", "no_text"),
        ("5", "empty_number"),
        ("6", "wrong_column_count"),
    ]
    assert desk.alerts() == []
    desk.drop(f"{number(1)};STOP;not a time;")
    desk.read_files()
    assert desk.sql("SELECT count(*) FROM reply WHERE verdict = 'stop'") == [(1,)]


def test_a_rejected_row_that_may_be_a_refusal_alerts(desk: Folder) -> None:
    desk.drop(
        ";STOP;2026-11-24 09:30;",
        f"{number(4)};STOP;2026-11-24 09:30;;;;too many",
        ";Bonjour;2026-11-24 09:30;",
        f"{number(5)};Merci;2026-11-24 09:30;",
    )
    desk.read_files()
    (line,) = desk.alerts()
    assert line.startswith("2 rows of rejects/replies/replies-")
    assert "record-opt-out" in line


@pytest.mark.parametrize(
    ("header", "why"),
    [
        pytest.param("telephone;nom;date", "no column with the text of the replies", id="no text"),
        pytest.param("from;message;nom", "no column with the time of the replies", id="no time"),
        pytest.param("nom;message;date", "number", id="no number"),
    ],
)
def test_a_file_without_a_column_is_refused_and_the_others_are_read(desk: Folder, header: str, why: str) -> None:
    desk.drop("0639980001;a;b", name="a.csv", header=header)
    desk.drop(f"{number(1)};STOP;2026-11-24 09:30;", name="b.csv")
    read, (line,) = desk.read_files()
    assert why in line
    assert read == ["b.csv: 1 row, 1 new, 0 known before"]
    assert [path.name.startswith("a-") for path in (desk.context.settings.data_dir / "refused" / "replies").iterdir()]


def test_the_sender_is_read_and_not_the_number_that_was_written_to(desk: Folder) -> None:
    desk.drop("0612340099;0612340001;STOP;2026-11-24 09:30", header="To mobile;From;Body;DateSent")
    desk.read_files()
    assert desk.sql("SELECT opt_out_key FROM opt_out") == [(33612340001,)]


def test_one_file_by_its_path(desk: Folder) -> None:
    path = desk.context.settings.data_dir / "export.csv"
    path.write_text(f"{HEADER}\n{number(1)};STOP;2026-11-24 09:30;z\n", encoding="utf-8")
    desk.drop(f"{number(2)};STOP;2026-11-24 09:30;")
    desk.read_files(str(path))
    assert desk.sql("SELECT opt_out_key FROM opt_out") == [(int(number(1)),)]
    assert path.is_file(), "a file that was given by its path stays"


@pytest.mark.parametrize(
    ("text", "day_first", "found"),
    [
        ("2026-11-24 09:30", True, "2026-11-24T08:30"),
        ("2026-11-24T09:30:00+04:00", True, "2026-11-24T05:30"),
        ("05/12/2026 09:30:10", True, "2026-12-05T08:30:10"),
        ("05/12/2026 09:30:10", False, "2026-05-12T07:30:10"),
        ("12/05/2026 2:30 PM", False, "2026-12-05T13:30"),
        ("24.11.2026", True, "2026-11-23T23:00"),
        ("", True, None),
        ("31/02/2026", True, None),
        ("0001-01-01", True, None),
    ],
)
def test_times_of_files(text: str, day_first: bool, found: str | None) -> None:
    at = parse_time(text, ZoneInfo("Europe/Paris"), is_day_first=day_first)
    assert at == (found and datetime.fromisoformat(f"{found}+00:00"))


# --- parts of one long reply -------------------------------------------------------------------------------------


def parts(desk: Folder, *texts: str, seconds: float = 2, person: int = 1) -> list[str]:
    """Read parts, each in a page of its own; return the verdicts in the order of reading."""
    for position, text in enumerate(texts):
        desk.reply(text, person=person, received_at=NOW - timedelta(hours=1) + timedelta(seconds=seconds * position))
    return [verdict for _, _, _, verdict, _ in desk.replies()]


def test_a_stop_that_is_split_between_two_parts_is_not_lost(desk: Folder) -> None:
    assert parts(desk, "CANC", "EL") == ["other", "stop_doubtful"]
    assert desk.sql("SELECT source FROM opt_out") == [("reply_doubtful",)]


def test_parts_in_one_page_and_in_the_wrong_order(desk: Folder) -> None:
    at = desk.clock.at
    items = [IncomingReply("p2", number(1), "EL", at), IncomingReply("p1", number(1), "CANC", at)]
    desk.read("replies", items)
    assert sorted(row[3] for row in desk.replies()) == ["other", "stop_doubtful"]
    assert desk.sql("SELECT count(*) FROM opt_out") == [(1,)]


def test_parts_of_a_file(desk: Folder) -> None:
    desk.drop(f"{number(1)};CANC;2026-11-24 09:30:01;", f"{number(1)};EL;2026-11-24 09:30:02;")
    desk.read_files()
    assert desk.sql("SELECT count(*) FROM opt_out") == [(1,)]


@pytest.mark.parametrize(
    ("texts", "seconds", "verdicts"),
    [
        pytest.param(("CANC", "EL"), 90, ["other", "other"], id="minutes apart"),
        pytest.param(("Bonjour", "Merci"), 2, ["other", "other"], id="no refusal together"),
        pytest.param(("Bonjour", "STOP"), 2, ["other", "stop"], id="one is a refusal by itself"),
    ],
)
def test_parts_only_add_an_opt_out(desk: Folder, texts: tuple[str, ...], seconds: float, verdicts: list[str]) -> None:
    assert parts(desk, *texts, seconds=seconds) == verdicts


def test_two_people_are_not_joined(desk: Folder) -> None:
    parts(desk, "CANC")
    parts(desk, "EL", person=2)
    assert desk.sql("SELECT count(*) FROM opt_out") == [(0,)]


@pytest.mark.parametrize(
    ("raw", "charset"),
    [
        pytest.param("Arrêt".encode("utf-16-be"), "UTF-16BE", id="accents"),
        pytest.param("СТОП".encode("utf-16-be"), "UTF-16BE", id="Cyrillic"),
        pytest.param("STOP 😀".encode("utf-16-be"), "UTF-16BE", id="an emoji of two halves"),
        pytest.param("STOP".encode("utf-16-be") + b"\x00", "UTF-16BE", id="half a character at the end"),
        pytest.param("STOP".encode("utf-16-be"), "", id="no charset named"),
    ],
)
def test_a_stop_of_kannel_in_utf_16_opts_out(desk: Folder, raw: bytes, charset: str) -> None:
    query = f"id=1&from=%2B{number(1)[1:]}&text={quote(raw)}&charset={charset}&ts=1795000000"
    desk.read("replies", [read_reply(query, desk.clock.at)])
    assert desk.sql("SELECT source FROM opt_out") == [("reply",)]
