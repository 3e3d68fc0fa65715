"""Taking files out of a list again: what is left is what the other files say, and campaigns hear of it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from campanile.sms.errors import CampaignError
from campanile.store.billing.alerts import due_alerts
from campanile.store.contacts.merge import import_contacts
from campanile.store.contacts.undo import delete_list, empty_list, undo_import
from tests.lanes import examples

ANA, BEA, LILLE, PARIS = {"first_name": "Ana"}, {"first_name": "Béa"}, {"town": "Lille"}, {"town": "Paris"}


def undo(desk, import_id: int):
    with desk.tx() as tx:
        return undo_import(tx, import_id, "camille")


def rehearse_undo(tx, import_id: int):
    tx.dry_run()
    return undo_import(tx, import_id, "camille")


def counts(preview) -> dict[str, int]:
    found = {kind: getattr(preview, kind) for kind in ("added", "removed", "changed", "kept")}
    return {kind: count for kind, count in found.items() if count}


# --- undo ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "undone", "expected", "people"),
    [
        pytest.param([[(1, ANA)]], 1, {"removed": 1}, {}, id="who came by it alone goes"),
        pytest.param([[(1, ANA)], [(1, ANA)]], 1, {"kept": 1}, {1: ANA}, id="who also stands in another file stays"),
        pytest.param([[(1, ANA)], [(1, ANA)]], 2, {"kept": 1}, {1: ANA}, id="a file that said nothing new"),
        pytest.param([[(1, ANA)], [(1, BEA)]], 2, {"changed": 1}, {1: ANA}, id="a field falls back"),
        pytest.param([[(1, ANA)], [(1, LILLE)]], 2, {"changed": 1}, {1: ANA}, id="a field goes"),
        pytest.param([[(1, ANA)], [(1, LILLE)]], 1, {"changed": 1}, {1: LILLE}, id="the other file's values stay"),
        pytest.param([[(1, ANA)], [(1, BEA)], [(1, LILLE)]], 2, {"changed": 1}, {1: ANA | LILLE}, id="from the middle"),
        pytest.param([[(1, ANA)], [(1, {})]], 1, {"changed": 1}, {1: {}}, id="known to the other without a field"),
        pytest.param([[(1, ANA), (1, BEA), (2, {})]], 1, {"removed": 2}, {}, id="several rows of a person"),
        pytest.param([[(1, ANA)], [(2, BEA)]], 2, {"removed": 1}, {1: ANA}, id="others are not touched"),
        pytest.param([["too_short"]], 1, {}, {}, id="only rejects"),
    ],
)
def test_the_result_of_an_undo(desk, files, undone, expected, people) -> None:
    for rows in files:
        desk.take_in("clients", *rows)
    with desk.tx() as tx:
        foretold = rehearse_undo(tx, undone)
    preview = undo(desk, undone)
    assert counts(preview) == expected
    assert foretold == preview
    assert desk.people("clients") == people


def test_preview_keeps_nothing(desk) -> None:
    desk.take_in("clients", (1, ANA))
    before = desk.sql("SELECT * FROM contact"), desk.sql("SELECT * FROM import_file")
    with desk.tx() as tx:
        assert counts(rehearse_undo(tx, 1)) == {"removed": 1}
    assert (desk.sql("SELECT * FROM contact"), desk.sql("SELECT * FROM import_file")) == before


def test_preview_shows_masked_people_and_counts_columns(desk) -> None:
    desk.take_in("clients", (1, ANA | PARIS), *((person, LILLE) for person in range(2, 7)))
    long = "Saint-Remy-en-Bouzemont-Saint-Genest-et-Isson"
    desk.take_in("clients", (1, BEA | {"town": long}), (2, {"phone_2": "06 12 34 56 78"}), (8, {}))
    preview = undo(desk, 2)
    assert preview.changed_columns == {"first_name": 1, "phone_2": 1, "town": 1}
    assert preview.examples == {
        "added": [],
        "removed": ["+336****0008"],
        "changed": [
            "+336****0001: first_name Béa → Ana, town Saint-Remy-en-Bouze… → Paris",
            "+336****0002: phone_2 06*****678 → (empty)",
        ],
    }


def test_at_most_three_examples_of_a_kind(desk) -> None:
    desk.take_in("clients", *((person, {}) for person in range(9)))
    assert undo(desk, 1).examples["removed"] == ["+336****0000", "+336****0001", "+336****0002"]


def test_the_book_says_who_undid_what_and_rejects_stay(desk) -> None:
    desk.take_in("clients", (1, ANA), "too_short")
    desk.clock.forward(hours=1)
    undo(desk, 1)
    book = desk.sql("SELECT undone_by, undone_why, undone_at - recorded_at = INTERVAL 1 HOUR FROM import_file")
    assert book == [("camille", "undone", True)]
    assert desk.sql("SELECT reason FROM import_row_reject") == [("too_short",)]


def test_another_spelling_of_the_same_fields_is_no_change(desk, staged_for: Callable) -> None:
    staged = staged_for((1, ANA))
    with desk.tx() as tx:
        import_contacts(tx, "clients", desk.file("clients"), staged)
        staged.rows["fields"] = '{ "first_name" : "Ana" }'
        import_contacts(tx, "clients", desk.file("clients"), staged)
    assert counts(undo(desk, 1)) == {"kept": 1}


def test_an_undone_file_can_be_dropped_again(desk) -> None:
    desk.take_in("clients", (1, ANA), sha256="same")
    undo(desk, 1)
    assert desk.take_in("clients", (1, ANA), sha256="same").result_counts["accepted"] == 1


def test_lists_do_not_see_each_others_undo(desk) -> None:
    desk.take_in("north", (1, ANA))
    desk.take_in("south", (1, BEA))
    undo(desk, 1)
    assert (desk.people("north"), desk.people("south")) == ({}, {1: BEA})


@pytest.mark.parametrize(
    ("import_id", "line"),
    [
        pytest.param(
            99, r"^no import 99; the latest are: 4 \(c\.csv, list clients\), 1 \(a\.csv, list clients\)$", id="none"
        ),
        pytest.param(
            2, r"^import 2 \(b\.csv\) was undone on 2026-11-24 09:00 UTC by camille: undone$", id="undone before"
        ),
        pytest.param(3, r"^import 3 \(stops\.csv\) holds opt-outs: a STOP cannot be undone$", id="opt-outs"),
    ],
)
def test_what_cannot_be_undone(desk, import_id: int, line: str) -> None:
    desk.take_in("clients", (1, ANA), file_name="a.csv")
    desk.take_in("clients", (2, ANA), file_name="b.csv")
    undo(desk, 2)
    desk.take_in_stops((1, {}))
    desk.take_in("clients", (3, ANA), file_name="c.csv")
    with pytest.raises(CampaignError, match=line):
        undo(desk, import_id)


# --- replace ---------------------------------------------------------------------------------------------------


def test_a_corrected_file_takes_the_place_of_the_first(desk, staged_for: Callable) -> None:
    desk.take_in("clients", (1, ANA | PARIS), (2, BEA), (3, LILLE), (4, {}))
    cells = (1, ANA | LILLE), (2, BEA), (5, {})
    with desk.tx() as tx:
        tx.dry_run()
        foretold = import_contacts(tx, "clients", desk.file("clients"), staged_for(*cells), replaces=1).replaced
    assert len(desk.people("clients")) == 4
    summary = desk.take_in("clients", *cells, replaces=1)
    assert counts(summary.replaced) == {"added": 1, "removed": 2, "changed": 1, "kept": 1}
    assert summary.replaced.changed_columns == {"town": 1}
    assert foretold == summary.replaced
    assert summary.result_counts == {"accepted": 3, "updated": 0, "duplicate": 0, "rejected": 0}
    assert desk.people("clients") == {1: ANA | LILLE, 2: BEA, 5: {}}
    book = desk.sql("SELECT import_id, replaces, undone_by, undone_why FROM import_file ORDER BY import_id")
    assert book == [(1, None, "camille", "replaced by import 2"), (2, 1, None, None)]


def test_an_import_of_another_list_cannot_be_replaced(desk) -> None:
    desk.take_in("north", (1, ANA))
    line = r"^import 1 \(north\.csv\) belongs to list north, not to south; give an import of list south$"
    with pytest.raises(CampaignError, match=line):
        desk.take_in("south", (1, BEA), replaces=1)
    assert desk.people("north") == {1: ANA}


def test_a_replacement_that_fails_undoes_nothing(desk) -> None:
    desk.take_in("clients", (1, ANA), sha256="first")
    desk.take_in("clients", (2, ANA), sha256="second")
    with pytest.raises(Exception, match="already in list clients"):
        desk.take_in("clients", (2, ANA), sha256="second", replaces=1)
    assert desk.people("clients") == {1: ANA, 2: ANA}


# --- whole lists -----------------------------------------------------------------------------------------------


def test_an_emptied_list_takes_the_same_files_again(desk) -> None:
    desk.take_in("clients", (1, ANA), sha256="first")
    desk.take_in("clients", (1, BEA), (2, {}))
    with desk.tx() as tx:
        assert counts(empty_list(tx, "clients", "camille")) == {"removed": 2}
    assert desk.people("clients") == {}
    assert desk.sql("SELECT DISTINCT undone_why FROM import_file") == [("list emptied",)]
    assert desk.take_in("clients", (1, ANA), sha256="first").result_counts["accepted"] == 1


def test_the_name_of_a_deleted_list_is_free_again(desk) -> None:
    desk.take_in("clients", (1, ANA), is_sample=True)
    with desk.tx() as tx:
        assert counts(delete_list(tx, "clients", "camille")) == {"removed": 1}
    with pytest.raises(CampaignError, match=r"^no list 'clients'; lists are: none yet$"):
        desk.people("clients")
    desk.take_in("clients", (2, BEA))
    assert desk.people("clients") == {2: BEA}
    assert desk.sql("SELECT is_sample FROM contact_list WHERE deleted_at IS NULL") == [(False,)]
    with pytest.raises(CampaignError, match=r"^import 1 \(clients\.csv\) was undone on .* by camille: list deleted$"):
        undo(desk, 1)


# --- campaigns -------------------------------------------------------------------------------------------------


DRAFT = {"lists": ["clients"]}


def prepared(
    desk,
    name: str = "soldes",
    people: Sequence[int] = (1, 2),
    draft: Mapping[str, Any] = DRAFT,
    origin: str = "clients",
) -> None:
    desk.prepare(name, people, origin=origin, draft=draft)


@pytest.mark.parametrize(
    ("draft", "origin", "people", "is_touched"),
    [
        pytest.param(DRAFT, "typed", [1, 2], True, id="a recipient changed"),
        pytest.param(DRAFT, "clients", [2], False, id="another person changed"),
        pytest.param({"lists": ["others"]}, "clients", [1, 2], True, id="one of its messages came from the list"),
        pytest.param({"exclude_lists": ["clients"]}, "typed", [1], True, id="the list it leaves out"),
        pytest.param({"lists": ["others"]}, "typed", [1], False, id="not its list"),
    ],
)
def test_a_prepared_campaign_becomes_stale(
    desk, draft: Mapping[str, Any], origin: str, people: list[int], is_touched: bool
) -> None:
    desk.put_balance("100")
    desk.take_in("clients", (1, ANA), (2, {}))
    desk.take_in("clients", (1, BEA))
    prepared(desk, "soldes", people, draft, origin)
    preview = undo(desk, 2)
    assert list(preview.touched) == ([("soldes", "prepared", 1)] if is_touched else [])
    if is_touched:
        line = r"^campaign soldes cannot be approved: list clients changed: import 2 undone; prepare again$"
        with pytest.raises(CampaignError, match=line):
            desk.approve("soldes")
        assert desk.sql("SELECT event, actor FROM campaign_event ORDER BY event_no")[-1] == ("stale", "camille")
        prepared(desk, "soldes", people, draft, origin)
    assert desk.approve("soldes").state == "approved"


def test_excluded_people_count_too(desk) -> None:
    desk.take_in("clients", (1, ANA), (2, {}))
    left_out = exclusion_of(1)
    desk.prepare("soldes", [2], origin="typed", draft=DRAFT, left_out=left_out)
    desk.take_in("clients", (1, BEA))
    assert list(undo(desk, 2).touched) == [("soldes", "prepared", 1)]


def exclusion_of(person: int) -> pd.DataFrame:
    number = 33_639_980_000 + person
    row = [number, f"+{number}", "opted_out", "clients", 1, 1]
    return pd.DataFrame([row], columns=["number_id", "msisdn", "reason", "origin", "import_id", "row_number"])


def test_an_approved_campaign_of_typed_numbers_hears_nothing(desk) -> None:
    desk.put_balance("100")
    desk.take_in("clients", (1, ANA))
    prepared(desk, people=[1], origin="typed")
    desk.approve("soldes")
    assert undo(desk, 1).touched == []


def test_a_campaign_of_other_lists_hears_nothing(desk) -> None:
    desk.take_in("clients", (1, ANA))
    desk.prepare("soldes", [1], draft={"lists": ["others"]})
    assert undo(desk, 1).touched == []
    assert desk.find("soldes").stale_reason is None


def test_added_people_make_a_recap_stale(desk) -> None:
    desk.take_in("clients", (1, ANA))
    prepared(desk, people=[1])
    summary = desk.take_in("clients", (1, ANA), (3, {}), (4, {}), replaces=1)
    assert list(summary.replaced.touched) == [("soldes", "prepared", 2)]
    assert desk.find("soldes").stale_reason == "list clients changed: import 1 replaced by import 2; prepare again"


def test_an_approved_campaign_raises_an_alert_and_stays(desk) -> None:
    desk.put_balance("100")
    desk.take_in("clients", (1, ANA), (2, {}))
    for name in ("soldes", "rappel"):
        prepared(desk, name)
        desk.approve(name)
    hash_before = desk.find("soldes").approved_hash
    preview = undo(desk, 1)
    assert list(preview.touched) == [("soldes", "approved", 2), ("rappel", "approved", 2)]
    with desk.tx(read_only=True) as tx:
        alerts = due_alerts(tx, "mail")
    assert [alert.kind for alert in alerts] == ["list_changed: soldes", "list_changed: rappel"]
    assert alerts[0].message == (
        "list clients changed: import 1 undone; campaign soldes is approved and still sends what was approved: 2 of "
        "its planned messages go to people who were removed or changed. Cancel it if that is wrong"
    )
    assert (desk.find("soldes").approved_hash, desk.find("soldes").stale_reason) == (hash_before, None)
    desk.cancel("soldes")
    with desk.tx(read_only=True) as tx:
        assert [alert.kind for alert in due_alerts(tx, "mail")] == ["list_changed: rappel"]


def test_the_newest_change_is_the_one_that_is_shown(desk) -> None:
    desk.put_balance("100")
    desk.take_in("clients", (1, ANA))
    desk.take_in("clients", (2, {}))
    prepared(desk)
    desk.approve("soldes")
    undo(desk, 1)
    undo(desk, 2)
    with desk.tx(read_only=True) as tx:
        (alert,) = due_alerts(tx, "mail")
    assert alert.message.startswith("list clients changed: import 2 undone; ")


def test_only_what_is_not_sent_is_shown(desk) -> None:
    desk.take_in("clients", *((person, {}) for person in range(4)))
    lease = desk.start("soldes", range(4), origin="clients", draft={"lists": ["clients"]})
    desk.answer(lease, desk.must_claim(lease), "accepted")
    assert list(undo(desk, 1).touched) == [("soldes", "sending", 2)]
    desk.answer(lease, desk.must_claim(lease), "accepted")  # what was approved leaves all the same
    desk.close(lease)


def test_a_deleted_list_leaves_its_approved_campaign_alone(desk) -> None:
    desk.put_balance("100")
    desk.take_in("clients", (1, ANA), (2, {}))
    prepared(desk)
    desk.approve("soldes")
    with desk.tx() as tx:
        assert list(delete_list(tx, "clients", "camille").touched) == [("soldes", "approved", 2)]
    assert desk.states("soldes") == {"planned": 2}


def test_a_preview_touches_no_campaign(desk) -> None:
    desk.take_in("clients", (1, ANA))
    prepared(desk, people=[1])
    with desk.tx() as tx:
        assert list(rehearse_undo(tx, 1).touched) == [("soldes", "prepared", 1)]
    assert desk.find("soldes").stale_reason is None


# --- whatever the order ----------------------------------------------------------------------------------------

FIELDS = st.dictionaries(st.sampled_from(["first_name", "town"]), st.sampled_from(["Ana", "Béa", "0"]), max_size=2)
ROWS = st.lists(st.tuples(st.integers(1, 4), FIELDS), max_size=6)
STEPS = st.lists(st.tuples(st.sampled_from(["import", "import", "undo", "replace"]), ROWS, st.integers(0)), max_size=7)


def fold(files: dict[int, list]) -> dict[int, dict[str, str]]:
    """Read the files one row after the other, the slow and plain way."""
    book: dict[int, dict[str, str]] = {}
    for _, rows in sorted(files.items()):
        for person, fields in rows:
            book[person] = book.get(person, {}) | fields
    return book


@examples(25)
@given(steps=STEPS)
def test_a_list_is_always_what_its_files_say(desk, steps) -> None:
    name, files = f"list-{desk.next_number()}", {}
    desk.take_in(name)
    for act, rows, pick in steps:
        before = fold(files)
        chosen = sorted(files)[pick % len(files)] if files and act != "import" else None
        rows_out = files.pop(chosen, [])
        if act == "undo":
            preview = undo(desk, chosen) if chosen else None
        else:
            summary = desk.take_in(name, *rows, replaces=chosen)
            preview = summary.replaced
            files[summary.import_id] = rows
        after = fold(files)
        assert desk.people(name) == after
        if preview is not None:
            concerned = {person for person, _ in [*rows_out, *(rows if act == "replace" else [])]}
            assert counts(preview) == expected_counts(before, after, concerned)


def expected_counts(before: dict, after: dict, concerned: set[int]) -> dict[str, int]:
    """Count what becomes of people."""
    both = {person for person in concerned if person in before and person in after}
    found = {
        "added": len((concerned & after.keys()) - before.keys()),
        "removed": len((concerned & before.keys()) - after.keys()),
        "changed": len({person for person in both if before[person] != after[person]}),
        "kept": len({person for person in both if before[person] == after[person]}),
    }
    return {kind: count for kind, count in found.items() if count}
