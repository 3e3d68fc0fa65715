"""Dead numbers: a permanent code or absences in a row, the file for the partner, and the consent that ends it."""

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campanile.sms.rules.dead_numbers import DeadRules
from campanile.store.contacts.erasure import erase
from campanile.store.contacts.import_log import SourceFile, StagedRows
from campanile.store.contacts.merge import import_contacts
from campanile.store.contacts.undo import undo_import
from campanile.store.inbound.dead_numbers import note_reports
from campanile.store.inbound.replies import add_replies
from schemas.report_words import ReportReason
from tests.store.conftest import MORNING, Desk
from tests.stores import copy_store

RULES = DeadRules(absences=3, weeks=2)
PERSON, OTHER = 33_612_345_678, 33_612_345_679
NO_REJECTS = ["row_number", "reason", "raw_line"]

_numbers = itertools.count(1)


def report(desk: Desk, *reports: tuple[int, str], rules: DeadRules = RULES) -> None:
    """Take in reports of one reading: a person and what became of a message."""
    rows = [
        {
            "number_id": person,
            "msisdn": f"+{person}",
            "event": "delivered" if what == "delivered" else "undelivered",
            "reason": what,
            "cause": ReportReason.ABSENT if what == "absent" else None,
            "is_permanent": what == "permanent",
            "word": f"word {what}",
        }
        for person, what in reports
    ]
    with desk.tx() as tx:
        note_reports(tx, "sandbox", pd.DataFrame(rows), rules)


def write(desk: Desk, person: int) -> None:
    """Take in a reply of a person."""
    columns = ["gateway_reply_id", "sender", "number_id", "text", "verdict", "received_at"]
    row = [f"r{next(_numbers)}", f"+{person}", person, "Oui", "other", desk.clock.at]
    with desk.tx() as tx:
        add_replies(tx, "sandbox", pd.DataFrame([row], columns=columns))


def consent(desk: Desk, person: int, given_on: date | str, answer: str | None = None) -> int:
    """Import a file with a row of a person, and return the import."""
    number = next(_numbers)
    fields = {"consent_on": str(given_on)} | ({} if answer is None else {"sms_consent": answer})
    cells = json.dumps(fields, separators=(",", ":"))
    rows = pd.DataFrame([[2, person, "FR", cells]], columns=["row_number", "number_id", "territory", "fields"])
    source = SourceFile(f"clients{number}.csv", f"sha{number}", 10, "utf-8", ";", None, {}, "FR", False)
    with desk.tx() as tx:
        staged = StagedRows(rows, pd.DataFrame(columns=NO_REJECTS), 1)
        return import_contacts(tx, "clients", source, staged).import_id


def dead(desk: Desk) -> dict[int, str]:
    return dict(desk.sql("SELECT number_id, reason FROM dead_number"))


def history(desk: Desk, person: int = PERSON) -> list[tuple[Any, ...]]:
    return desk.sql(f"SELECT event, reason FROM dead_number_event WHERE number_id = {person} ORDER BY event_no")


def absences(desk: Desk, *days: int) -> None:
    """Let a person be absent on these days from now on."""
    start = desk.clock.at
    for day in days:
        desk.clock.at = start + timedelta(days=day)
        report(desk, (PERSON, "absent"))


@pytest.mark.parametrize(
    ("days", "is_dead"),
    [
        pytest.param((0, 7, 14), True, id="three over two weeks"),
        pytest.param((0, 14), False, id="only two"),
        pytest.param((0, 1, 2, 3, 13), False, id="five, and not over two weeks"),
        pytest.param((0, 1, 2, 3, 14), True, id="five over two weeks"),
    ],
)
def test_absences_in_a_row_over_some_weeks(desk: Desk, days: tuple[int, ...], is_dead: bool) -> None:
    absences(desk, *days)
    assert dead(desk) == ({PERSON: "absent"} if is_dead else {})
    evidence = desk.sql("SELECT evidence FROM dead_number_event")
    last = f"{MORNING + timedelta(days=days[-1]):%Y-%m-%d}"
    words = f"{len(days)} absences in a row from {MORNING:%Y-%m-%d} to {last}, the last one reported by gateway sandbox"
    assert evidence == ([(f"{words}: word absent",)] if is_dead else [])
    assert desk.sql("SELECT count(*) FROM absence") == [(0 if is_dead else 1,)]


@pytest.mark.parametrize("sign", ["delivered", "reply"])
def test_a_sign_of_life_ends_the_row(desk: Desk, sign: str) -> None:
    absences(desk, 0, 7)
    write(desk, PERSON) if sign == "reply" else report(desk, (PERSON, "delivered"))
    absences(desk, 7, 8)
    assert dead(desk) == {}


def test_within_one_reading_the_order_of_the_reports_counts(desk: Desk) -> None:
    absences(desk, 0, 7)
    desk.clock.at += timedelta(days=7)
    report(desk, (PERSON, "absent"), (PERSON, "delivered"), (PERSON, "absent"), (OTHER, "absent"))
    assert dead(desk) == {}
    assert desk.sql("SELECT absence_count FROM absence ORDER BY number_id") == [(1,), (1,)]


def test_other_reasons_are_no_absences_and_end_no_row(desk: Desk) -> None:
    absences(desk, 0, 7)
    report(desk, (PERSON, "filtered"))
    absences(desk, 7)
    assert dead(desk) == {PERSON: "absent"}


def test_zero_absences_never_make_a_number_dead(desk: Desk) -> None:
    for _ in range(9):
        desk.clock.forward(weeks=1)
        report(desk, (PERSON, "absent"), rules=DeadRules(0, 0))
    assert dead(desk) == {}


@pytest.mark.parametrize(
    ("days", "answer", "is_back"),
    [
        pytest.param(1, None, True, id="of the day after"),
        pytest.param(1, "yes", True, id="of the day after, and it says yes"),
        pytest.param(1, "no", False, id="a refusal"),
        pytest.param(0, None, False, id="of the same day"),
        pytest.param(-30, None, False, id="an older one"),
        pytest.param(90, None, False, id="in the future"),
    ],
)
def test_only_a_newer_consent_brings_a_number_back(desk: Desk, days: int, answer: str | None, is_back: bool) -> None:
    report(desk, (PERSON, "permanent"), (OTHER, "permanent"))
    died_on = desk.clock.at.date()
    desk.clock.forward(days=10)
    import_id = consent(desk, PERSON, died_on + timedelta(days=days), answer)
    assert (PERSON not in dead(desk)) is is_back
    assert OTHER in dead(desk)
    revived = [("died", "permanent"), ("revived", "fresh consent")]
    assert history(desk) == (revived if is_back else revived[:1])
    if is_back:
        found = desk.sql("SELECT evidence, import_id, row_number FROM dead_number_event WHERE event = 'revived'")
        day = died_on + timedelta(days=1)
        assert found == [(f"a consent of {day}, in row 2 of import {import_id}", import_id, 2)]


def test_an_unreadable_date_is_no_consent(desk: Desk) -> None:
    report(desk, (PERSON, "permanent"))
    consent(desk, PERSON, "soon")
    assert PERSON in dead(desk)


def test_undoing_the_import_makes_the_number_dead_again(desk: Desk) -> None:
    report(desk, (PERSON, "permanent"))
    [died_at] = desk.sql("SELECT recorded_at FROM dead_number")
    desk.clock.forward(days=10)
    import_id = consent(desk, PERSON, desk.clock.at.date())
    with desk.tx() as tx:
        undo_import(tx, import_id, "camille")
    assert desk.sql("SELECT recorded_at FROM dead_number") == [died_at]
    assert [event for event, _ in history(desk)] == ["died", "revived", "died"]


def test_a_number_that_came_back_dies_again_by_new_evidence_only(desk: Desk) -> None:
    absences(desk, 0, 7, 14)
    desk.clock.forward(days=2)
    consent(desk, PERSON, desk.clock.at.date())
    absences(desk, 1, 2)
    assert dead(desk) == {}
    absences(desk, 14)
    assert dead(desk) == {PERSON: "absent"}
    assert [event for event, _ in history(desk)] == ["died", "revived", "died"]


def test_nothing_of_it_stays_after_an_erasure(desk: Desk) -> None:
    absences(desk, 0, 7)
    report(desk, (OTHER, "permanent"))
    for person in (PERSON, OTHER):
        with desk.tx() as tx:
            erase(tx, person, f"+{person}", "camille", "ticket 12")
    for table in ("absence", "dead_number"):
        assert desk.sql(f"SELECT count(*) FROM {table}") == [(0,)], table
    assert desk.sql("SELECT count(*) FROM dead_number_event WHERE number_id > 0") == [(0,)], "a history of nobody"


# --- random histories against a plain model -------------------------------------------------------------------------


@dataclass
class Model:
    """What is said of dead numbers, in plain words: lists of what happened to each person since they last counted."""

    at: datetime = MORNING
    absent_at: dict[int, list[datetime]] = field(default_factory=dict)
    died_at: dict[int, datetime] = field(default_factory=dict)

    def take(self, person: int, what: str) -> None:
        if what in ("delivered", "reply"):
            self.absent_at[person] = []
        if what == "absent":
            self.absent_at.setdefault(person, []).append(self.at)
        row = self.absent_at.get(person, [])
        dies = what == "permanent" or (
            what == "absent" and len(row) >= RULES.absences and row[-1] - row[0] >= timedelta(weeks=RULES.weeks)
        )
        if dies:
            self.died_at.setdefault(person, self.at)
        if dies and what == "absent":
            self.absent_at[person] = []

    def consent(self, person: int, given_on: date) -> None:
        died_at = self.died_at.get(person)
        if died_at is not None and died_at.date() < given_on <= self.at.date() + timedelta(days=1):
            del self.died_at[person]
            self.absent_at[person] = []


STEPS = st.lists(
    st.tuples(
        st.sampled_from([PERSON, OTHER]),
        st.sampled_from(["absent", "absent", "absent", "delivered", "permanent", "filtered", "reply", "consent"]),
        st.integers(0, 10),
        st.integers(-3, 1),
    ),
    max_size=14,
)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with TemporaryDirectory() as path:
        yield Path(path)


@given(steps=STEPS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_random_histories_agree_with_a_plain_model(
    empty_store: Path, folder: Path, steps: list[tuple[int, str, int, int]]
) -> None:
    desk = Desk(copy_store(empty_store, folder / str(next(_numbers)) / "sms.duckdb"))
    model = Model()
    for person, what, days, consent_days in steps:
        desk.clock.forward(days=days)
        model.at = desk.clock.at
        if what == "consent":
            given_on = desk.clock.at.date() + timedelta(days=consent_days)
            consent(desk, person, given_on)
            model.consent(person, given_on)
            continue
        write(desk, person) if what == "reply" else report(desk, (person, what))
        model.take(person, what)
        found = desk.sql("SELECT number_id, recorded_at FROM dead_number")
        assert dict(found) == model.died_at
    assert desk.broken() == {}
