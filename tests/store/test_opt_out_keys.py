"""Opt-outs as keyed hashes: the same people are suppressed, no number is left, and nothing works with another key."""

import hmac
import random
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from campanile.sms.errors import CampaignError, StoreError
from campanile.store.campaigns.audience import Audience, stage_candidates
from campanile.store.contacts.erasure import erase
from campanile.store.contacts.opt_out_switch import hash_opt_outs, is_hashed
from campanile.store.contacts.opt_out_undo import undo_opt_outs
from campanile.store.contacts.opt_outs import add_provider_opt_outs, honour_replies, record_opt_out
from campanile.store.contacts.person_records import PersonRecords, read_records
from campanile.store.contacts.retention import hide_proofs
from campanile.store.db.compact import compact
from campanile.store.db.database import scratch_tables
from campanile.store.db.migrate import migrations
from campanile.store.db.opt_out_keys import FIRST_HASH, define_key, hashing_macro, key_of
from campanile.store.db.queries import STATEMENTS
from campanile.store.inbound.replies import add_replies
from schemas.ledger_rows import BarredNumber
from schemas.person_rows import OptOutEntry
from tests.lanes import examples
from tests.store.conftest import Desk, number_of, opt_out_rows
from tests.stores import OPT_OUT_KEY, copy_store

PEOPLE = range(12)
NOBODY = pd.DataFrame(columns=["row_number", "number_id", "territory"])
SAID = {"said_at": None, "actor": "camille"}


def switch(desk: Desk) -> int:
    """Switch the store of a desk to keyed hashes, and write its file anew."""
    desk.opt_out_key = OPT_OUT_KEY
    with desk.tx() as tx:
        count = hash_opt_outs(tx, OPT_OUT_KEY, "camille")
    compact(desk.path)
    return count


def reply(desk: Desk, person: int, verdict: str, text: str = "…") -> None:
    row = [f"r{desk.next_number()}", f"+{number_of(person)}", number_of(person), text, verdict, desk.clock.at]
    columns = ["gateway_reply_id", "sender", "number_id", "text", "verdict", "received_at"]
    with desk.tx() as tx:
        honour_replies(tx, add_replies(tx, "sandbox", pd.DataFrame([row], columns=columns, dtype=object)))


# --- the key ------------------------------------------------------------------------------------------------------


@given(
    numbers=st.lists(st.integers(1, 10**15 - 1), min_size=1, max_size=20),
    key=st.binary(min_size=32, max_size=200),
)
def test_the_key_is_hmac_sha256_of_the_digits(numbers: list[int], key: bytes) -> None:
    with duckdb.connect(":memory:") as connection:
        define_key(connection, key)
        connection.execute(hashing_macro(key))
        sql = "SELECT opt_out_key(n), opt_out_key(opt_out_key(n)) FROM (SELECT unnest($numbers) AS n)"
        found = connection.execute(sql, {"numbers": numbers}).fetchall()
        others = connection.execute("SELECT opt_out_key(-7), opt_out_key(NULL)").fetchone()
    expected = [
        (int.from_bytes(hmac.new(key, str(number).encode(), "sha256").digest()[:8]) >> 2) + FIRST_HASH
        for number in numbers
    ]
    assert found == [(each, each) for each in expected], "and the key of a key is the key itself"
    assert [key_of(number, key) for number in numbers] == expected
    assert others == (-7, None), "an erased person stays one"


# --- the same people ----------------------------------------------------------------------------------------------


def told(desk: Desk, person: int) -> None:
    with desk.tx() as tx:
        record_opt_out(tx, number_of(person), source="phone", note=f"rang from {number_of(person)}", **SAID)


def listed(desk: Desk, person: int) -> None:
    rows = opt_out_rows([person]).assign(opted_out_at=pd.Timestamp(desk.clock.at))
    with desk.tx() as tx:
        add_provider_opt_outs(tx, "sandbox", rows)


def undone(desk: Desk, person: int) -> None:
    for reason in ("a mistake", "own STOP: asked", "removed at the provider: asked", "fresh consent: asked"):
        try:
            with desk.tx() as tx:
                undo_opt_outs(tx, "lou", reason, number_id=number_of(person))
        except CampaignError:
            continue
        return


def erased(desk: Desk, person: int) -> None:
    with desk.tx() as tx:
        erase(tx, number_of(person), f"+{number_of(person)}", "camille", "ticket 12")


def pushed(desk: Desk, person: int) -> None:
    """Mark the opt-outs of a person as known to the provider, so that its echo within ten minutes does not count."""
    with desk.tx() as tx:
        entries = [row.entry_id for row in read_records(tx, number_of(person), f"+{number_of(person)}").opt_outs]
        tx.run_staged("opt_out.mark_pushed", pd.DataFrame({"entry_id": entries}), gateway="sandbox", at=tx.at)


STEPS: dict[str, Callable[[Desk, int], object]] = {
    "import": lambda desk, person: desk.take_in("clients", (person, {"name": f"N{person}"})),
    "STOP": lambda desk, person: reply(desk, person, "stop"),
    "doubtful": lambda desk, person: reply(desk, person, "stop_doubtful"),
    "wrong number": lambda desk, person: reply(desk, person, "wrong_number"),
    "START": lambda desk, person: reply(desk, person, "start"),
    "file": lambda desk, person: desk.take_in_stops((person, {"x": "1"}), ((person + 1) % len(PEOPLE), {})),
    "told": told,
    "listed": listed,
    "pushed": pushed,
    "undone": undone,
    "erased": erased,
}


def seen(desk: Desk) -> dict[str, object]:
    """Return all that a store says of opt-outs, by person and never by key."""
    with scratch_tables() as scratch:
        with desk.tx(read_only=True) as tx:
            stage_candidates(tx, Audience("winter", ["clients"], NOBODY))
        audience = scratch.execute("SELECT number_id % 100, reason FROM staged_candidates ORDER BY 1").fetchall()
    with desk.tx(read_only=True) as tx:
        people = [
            (person, row.source, row.recorded_at, row.lifted_at, row.lifted_by)
            for person in PEOPLE
            for row in tx.select(OptOutEntry, "person.opt_outs", number_id=number_of(person))
        ]
        barred = tx.select(BarredNumber, "number.barred", number_ids=[number_of(person) for person in PEOPLE])
        overview = tx.execute("SELECT opted_out_count FROM (" + STATEMENTS["list.overview"] + ")").fetchall()
        exported = tx.execute(
            "SELECT msisdn, is_opted_out FROM (" + STATEMENTS["list.export"] + ") ORDER BY 1", {"list_id": 1}
        ).fetchall()
        quality = tx.execute("SELECT opted_out_later FROM import_quality ORDER BY import_id").fetchall()
        fates = tx.execute("SELECT import_id, row_number, fate, of_import_id FROM import_row ORDER BY ALL").fetchall()
    return {
        "people": people, "audience": audience, "overview": overview, "exported": exported, "quality": quality,
        "fates": fates, "barred": sorted({row.number_id % 100 for row in barred if row.is_opted_out}),
    }  # fmt: skip


def read(desk: Desk, person: int) -> PersonRecords:
    with desk.tx(read_only=True) as tx:
        return read_records(tx, number_of(person), f"+{number_of(person)}")


@examples(60)
@given(seed=st.integers(0, 2**32))
def test_a_store_of_hashes_suppresses_exactly_the_same_people(
    empty_store: Path, empty_hashed_store: Path, seed: int
) -> None:
    """Random lists, opt-outs, imports and erasures on a store in clear, one of hashes, and one that is switched."""
    dice = random.Random(seed)
    with TemporaryDirectory() as folder:
        plain = Desk(copy_store(empty_store, Path(folder, "plain", "sms.duckdb")))
        hashed = Desk(copy_store(empty_hashed_store, Path(folder, "hashed", "sms.duckdb")), opt_out_key=OPT_OUT_KEY)
        switched = Desk(copy_store(empty_store, Path(folder, "switched", "sms.duckdb")))
        desks = (plain, hashed, switched)
        for desk in desks:
            desk.take_in("clients", *((person, {}) for person in range(0, 12, 2)))
        steps = [(dice.choice(list(STEPS)), dice.choice(PEOPLE)) for _ in range(10)]
        switch_at = dice.randrange(len(steps))
        for number, (step, person) in enumerate(steps):
            for desk in desks:
                desk.clock.forward(minutes=4)
                STEPS[step](desk, person)
            if number == switch_at:
                switch(switched)
        expected = seen(plain)
        assert seen(hashed) == expected, steps
        assert seen(switched) == expected, (steps, switch_at)
        for desk in desks:
            desk.prepare("soldes", PEOPLE, per_slice=20)
            desk.put_balance("100")
            desk.approve("soldes")
            desk.read_stops()
        assert [desk.states("soldes") for desk in desks] == [plain.states("soldes")] * 3
        sent = []
        for desk in desks:
            lease = desk.open("soldes")
            claim = None if lease is None else desk.claim(lease)
            sent.append([] if claim is None else sorted(message.msisdn for message in claim.messages))
        assert sent[1:] == sent[:1] * 2, steps
        assert {int(msisdn[-2:]) for msisdn in sent[0]}.isdisjoint(expected["barred"])  # type: ignore[arg-type]
        assert [desk.broken() for desk in desks] == [{}] * 3


# --- the switch ---------------------------------------------------------------------------------------------------


def files_with(desk: Desk, *people: int) -> dict[str, list[int]]:
    """Return the files beside the store that have one of the numbers, as text or as the integer of a column."""
    found = {}
    for path in desk.path.parent.iterdir():
        content = path.read_bytes() if path.is_file() else b""
        here = [
            person
            for person in people
            if str(number_of(person)).encode()[2:] in content or number_of(person).to_bytes(8, "little") in content
        ]
        if here:
            found[path.name] = here
    return found


def tables_with(desk: Desk, *people: int) -> set[str]:
    """Return the tables that have one of the numbers in a cell, in whatever way their columns are compressed."""
    tables = [name for (name,) in desk.sql("SELECT table_name FROM duckdb_tables() WHERE NOT temporary")]
    digits = "|".join(str(number_of(person))[2:] for person in people)
    return {
        table
        for table in tables
        if desk.sql(f"SELECT 1 FROM {table} WHERE regexp_matches(CAST({table} AS VARCHAR), '{digits}') LIMIT 1")
    }


def test_after_the_switch_and_the_purge_no_number_that_opted_out_is_in_the_files(desk: Desk) -> None:
    desk.take_in_stops((1, {"name": "Zoé Quatremer", "mobile": f"0{number_of(1) % 10**9}"}), (2, {}))
    told(desk, 3)
    listed(desk, 4)
    reply(desk, 5, "stop", f"STOP 0{number_of(5) % 10**9} svp")
    reply(desk, 6, "stop", "STOP le 01/12/2026")
    desk.clock.forward(minutes=1)
    reply(desk, 6, "start", "START")
    with desk.tx() as tx:
        undo_opt_outs(tx, "lou", f"she is {number_of(3)}", number_id=number_of(3))
    pushed(desk, 4)
    opted_out = (1, 2, 3, 4, 5, 6)
    with desk.tx(checkpoint_after=True) as tx:
        tx.execute("UPDATE reply SET answer = 'off'")
    assert files_with(desk, *opted_out), "the search finds them in a store in clear"
    assert tables_with(desk, *opted_out) == {"import_row", "opt_out_entry", "opt_out_push", "reply"}
    before = [[row.source for row in read(desk, person).opt_outs] for person in opted_out]

    assert switch(desk) == 6
    assert set(files_with(desk, *opted_out).get("sms.duckdb", [])) <= {5, 6}
    assert tables_with(desk, *opted_out) == {"reply"}, "replies keep theirs until the purge"
    desk.clock.forward(days=60)
    with desk.tx() as tx:
        assert hide_proofs(tx, desk.clock.at - timedelta(days=31)) == 3
    compact(desk.path)
    assert (files_with(desk, *opted_out), tables_with(desk, *opted_out)) == ({}, set())
    assert not any(b"Quatremer" in path.read_bytes() for path in desk.path.parent.iterdir())

    assert [[row.source for row in read(desk, person).opt_outs] for person in opted_out] == before
    assert [row.text for row in read(desk, 5).replies] == ["STOP ********** svp"], "the proof of an opt-out stays"
    assert [row.text for row in read(desk, 6).replies] == ["STOP le 01/12/2026", "START"], "a date is no number"
    erased(desk, 5)
    assert read(desk, 5).replies == []
    assert desk.sql("SELECT count(*) FROM reply WHERE text LIKE 'STOP *%'") == [(0,)]


def test_no_key_is_in_the_files(desk: Desk) -> None:
    told(desk, 3)
    switch(desk)
    block = OPT_OUT_KEY.ljust(64, b"\0")
    secrets = [OPT_OUT_KEY, *(bytes(byte ^ pad for byte in block) for pad in (0x36, 0x5C))]
    pieces = [form for secret in secrets for form in (secret, secret.hex().encode(), secret.hex().upper().encode())]
    for path in desk.path.parent.iterdir():
        content = path.read_bytes()
        assert not any(piece in content for piece in pieces), path.name


def test_a_switch_that_runs_again_changes_nothing(desk: Desk) -> None:
    told(desk, 3)
    switch(desk)
    before = desk.sql("SELECT * FROM opt_out_entry")
    switch(desk)
    assert desk.sql("SELECT * FROM opt_out_entry") == before


@contextmanager
def key(desk: Desk, value: bytes | None) -> Iterator[None]:
    kept, desk.opt_out_key = desk.opt_out_key, value
    try:
        yield
    finally:
        desk.opt_out_key = kept


@pytest.mark.parametrize("wrong", [None, OPT_OUT_KEY + b"!"], ids=["no key", "another key"])
def test_nothing_is_sent_or_recorded_with_another_key(desk: Desk, wrong: bytes | None) -> None:
    desk.fill_list("clients", {0: {}, 1: {}})
    lease = desk.start("soldes", range(4))
    desk.opt_out(1)
    switch(desk)
    with key(desk, wrong):
        for attempt in (
            lambda: desk.claim(lease),
            lambda: desk.opt_out(2),
            lambda: desk.prepare("autre", range(3)) and desk.approve("autre"),
            lambda: seen(desk),
            lambda: erased(desk, 1),
            lambda: desk.broken(),
        ):
            with pytest.raises(StoreError, match="SMS_SUPPRESSION_KEY is missing or not its key"):
                attempt()
    assert desk.states("soldes") == {"planned": 3, "suppressed": 1}
    assert [message.msisdn[-2:] for message in desk.must_claim(lease).messages] == ["00"]


def test_a_store_in_clear_is_read_right_with_a_key(desk: Desk) -> None:
    """A copy from before the switch that is restored: its numbers are found, and the start refuses it."""
    desk.opt_out(1)
    with key(desk, OPT_OUT_KEY):
        assert [person for person in PEOPLE if read(desk, person).opt_outs] == [1]
        with desk.tx(read_only=True) as tx:
            assert not is_hashed(tx)


#: A comparison with a key, as its two sides: either side is a key too, or a tombstone.
COMPARED = re.compile(r"(?P<left>[\w.$()]+) (?:=|<>|(?:NOT )?IN) \(?(?P<right>(?:SELECT (?:DISTINCT )?)?[\w.$]+)")


#: Comparisons that ask whether a number has a hash, and those of imported rows, whose number_id is a key.
MEANT = {
    "invariant.opt_outs_have_the_keys_of_the_store": ["4611686018427387904) <> (opt_out_key"],
    "opt_out.keep_rows": [
        "opt_out_key(staged_rows.number_id) = staged_rows.number_id",
        "origin.number_id = opt_out_key",
    ],
    "opt_out_key.is_hashed": ["opt_out_key(0) <> 0"],
    "opt_out_key.hash_rows": ["number_id = opt_out_key"],
    "views": ["opt_out_key(number_id) <> number_id"],
}


def unkeyed(sql: str) -> list[str]:
    """Return the comparisons of a statement that have a key on one side only."""
    found = []
    for match in COMPARED.finditer(" ".join(sql.split())):
        sides = [match["left"], match["right"]]
        are_keys = [bool(re.search(r"\bopt_out_key\b", side)) for side in sides]
        if any(are_keys) and not all(are_keys) and "$tombstone" not in sides:
            found.append(match[0])
    return found


def test_every_statement_compares_keys_with_keys() -> None:
    """A number that is compared with a key finds everybody in a store in clear, and nobody in one of hashes."""
    views = "\n".join(sql for version, _, sql in migrations() if version >= 17)
    found = {name: unkeyed(sql) for name, sql in {**STATEMENTS, "views": views}.items()}
    assert {name: comparisons for name, comparisons in found.items() if comparisons} == MEANT
    assert sum("opt_out_key(" in sql for sql in STATEMENTS.values()) > 25


@pytest.mark.parametrize(
    "sql",
    [
        "LEFT JOIN opt_out ON opt_out.opt_out_key = message.number_id",
        "WHERE number_id IN (SELECT opt_out_key FROM opt_out)",
        "WHERE reply.number_id NOT IN (SELECT DISTINCT opt_out_key FROM opt_out_entry)",
        "WHERE number_id = entry.opt_out_key",
        "WHERE opt_out_key = $number_id",
    ],
)
def test_a_comparison_without_a_key_is_found(sql: str) -> None:
    assert unkeyed(sql)
