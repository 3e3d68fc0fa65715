"""What holds of every recap, whatever the lists, opt-outs, exclusions and typed numbers: whole preparations.

The store is made anew for each example, and the rules are told again here, one person after the other.
"""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest import mock

import pandas as pd
import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

import tasks.settings
import tasks.terms
from schemas.draft import CampaignDraft
from sms.errors import CampaignError
from sms.planning import EXCLUSION_REASONS
from sms.policy import load_policy
from sms.segments import count_segments
from sms.template import Field, parse_template
from store.approving import ApprovalRules, approve
from store.operators import add_reading
from store.recaps import Recap
from tasks.clock import clock_offset
from tasks.house import visit_store
from tasks.prepare import make_recap

PEOPLE = range(6)
OVERSEAS = 4  # from this person on
PRICES = {"FR": Decimal("0.0485"), "RE": Decimal("0.091")}
MENTIONS = {"FR": " STOP au 36180", "RE": " STOP au 36789"}
TEXTS = ("{first_name|Vous}, ce samedi", "{first_name}, venez !", "{first_name|Vous}, à {postcode}", "Soldes {{-20 %}}")
MADE_AT = pd.Timestamp("2026-11-01 12:00", tz="UTC")
RULES = ApprovalRules(approvers=(), four_eyes=False, max_age=timedelta(days=3))
People = Mapping[int, Mapping[str, str]]

whole_preparations = settings(
    max_examples=30,
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],  # explaining takes minutes
)


@dataclass(frozen=True)
class World:
    """A store, and what a draft asks for in it; ``lists`` are in the draft's order."""

    lists: Mapping[str, People]
    text: str = "Bonjour {first_name|cher client}, -20 % ce samedi"
    kind: str = "marketing"
    typed: Sequence[int] = ()
    undeclared: frozenset[str] = frozenset()
    opted_out: frozenset[int] = frozenset()
    dead: frozenset[int] = frozenset()
    left_out: frozenset[int] = frozenset()

    @property
    def asked(self) -> list[tuple[str, int]]:
        """The sources of the draft, one entry a contact and a typed number."""
        return [(name, person) for name, people in self.lists.items() for person in people] + [
            ("typed", person) for person in self.typed
        ]

    def usable(self, person: int) -> list[Mapping[str, str]]:
        """The fields of a person, from each source that gives a right to write to them."""
        forbidden = self.undeclared if self.kind == "marketing" else frozenset()
        found = [people[person] for name, people in self.lists.items() if person in people and name not in forbidden]
        return [*found, *({} for typed in self.typed if typed == person)]

    def recipients(self) -> set[int]:
        """Who must get a message: one source that may write to them knows all that the text needs."""
        parts = parse_template(self.text).parts
        needed = {part.name for part in parts if isinstance(part, Field) and part.default is None}
        allowed = set(PEOPLE) - self.opted_out - self.dead - self.left_out
        return {person for person in allowed if any(needed <= fields.keys() for fields in self.usable(person))}

    def draft(self, **changes: Any) -> CampaignDraft:
        """The draft that asks for it, or a changed one."""
        draft = {
            "name": "winter",
            "kind": self.kind,
            "text": self.text,
            "sender_id": "CAMPANILE",
            "author": "camille",
            "lists": list(self.lists),
            "numbers": typed_numbers(self.typed),
            "exclude_lists": ["leave-out"],
        }
        return CampaignDraft.model_validate(draft | changes)


def number_of(person: int) -> int:
    return (262_692_123_450 if person >= OVERSEAS else 33_612_345_670) + person


def typed_numbers(people: Sequence[int]) -> list[str]:
    return [f"+{number_of(person)}" for person in people]


def place_of(person: int) -> str:
    return "RE" if person >= OVERSEAS else "FR"


@st.composite
def worlds(draw: st.DrawFn) -> World:
    somebody = st.frozensets(st.sampled_from(PEOPLE), max_size=2)
    fields = st.fixed_dictionaries(
        {},
        optional={
            "first_name": st.sampled_from(["Zoé", "Françoise", "Ana {x}", "D’Arc 😀", "€" * 90]),
            "postcode": st.sampled_from(["75001", "67000", "97400"]),
        },
    )
    people = st.dictionaries(st.sampled_from(PEOPLE), fields, max_size=6)
    names = draw(st.sampled_from([["north"], ["north", "south"], ["south", "north", "east"]]))
    known = {0: {"first_name": "Léa", "postcode": "75001"}}  # so that the fields exist
    return World(
        lists={name: draw(people) | (known if name == names[0] else {}) for name in names},
        text=draw(st.sampled_from(TEXTS)),
        kind=draw(st.sampled_from(["marketing", "alert"])),
        typed=draw(st.lists(st.sampled_from(PEOPLE), max_size=3)),
        undeclared=draw(st.frozensets(st.sampled_from(names), max_size=1)),
        opted_out=draw(somebody),
        dead=draw(somebody),
        left_out=draw(somebody),
    )


class House:
    """A store that can be made anew at once, and a tariff."""

    def __init__(self, folder: Path) -> None:
        self.store = folder / "sms.duckdb"
        self.tariff = folder / "sandbox.csv"
        self.put_prices(PRICES)
        with visit_store():
            pass
        self._empty = self.store.read_bytes()

    def put_prices(self, prices: Mapping[str, Decimal]) -> None:
        lines = [f"{place},{price},EUR" for place, price in prices.items()]
        self.tariff.write_text("\n".join(["country,price,unit", *lines]), encoding="utf-8")

    def become(self, world: World) -> None:
        """Make the store of a world."""
        self.store.with_name(self.store.name + ".wal").unlink(missing_ok=True)
        self.store.write_bytes(self._empty)
        with visit_store() as visit:
            for table, rows in tables_of(world).items():
                if rows:
                    with visit.staged(rows=pd.DataFrame(rows)):
                        visit.execute(f"INSERT INTO {table} BY NAME SELECT * FROM rows")

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with visit_store(read_only=True) as visit:
            return visit.execute(sql).fetchall()


def tables_of(world: World) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of each table."""
    lists = [*world.lists.items(), ("leave-out", {person: {} for person in world.left_out})]
    return {
        "contact_list": [
            {"list_id": list_id, "list_name": name, "is_sample": False, "created_at": MADE_AT, "legal_basis": basis}
            for list_id, (name, _) in enumerate(lists, start=1)
            for basis in [None if name in world.undeclared else "consent"]
        ],
        "contact": [
            number_row(person)
            | {"territory": place_of(person), "fields": as_json(fields), "updated_at": MADE_AT}
            | {"list_id": list_id, "import_id": list_id, "row_number": row_number}
            for list_id, (_, people) in enumerate(lists, start=1)
            for row_number, (person, fields) in enumerate(people.items(), start=1)
        ],
        "opt_out_entry": [
            number_row(person) | {"entry_id": entry_id, "source": "phone", "recorded_at": MADE_AT}
            for entry_id, person in enumerate(sorted(world.opted_out), start=1)
        ],
        "dead_number": [number_row(person) | {"reason": "gone", "recorded_at": MADE_AT} for person in world.dead],
    }


def number_row(person: int) -> dict[str, Any]:
    return {"number_id": number_of(person), "msisdn": f"+{number_of(person)}"}


def as_json(fields: Mapping[str, str]) -> str:
    return json.dumps(fields, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def forget_process() -> None:
    tasks.settings.settings.cache_clear()
    clock_offset.cache_clear()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house on a Monday at eight, in Paris."""
    folder = tmp_path_factory.mktemp("house")
    variables = {name: value for name, value in os.environ.items() if not name.startswith("SMS_")} | {
        "SMS_DATA_DIR": str(folder),
        "SMS_TARIFF_DIR": str(folder),
        "SMS_SIMULATED_NOW": "2026-11-23T08:00:00+01:00",
    }
    with mock.patch.dict(os.environ, variables, clear=True):
        forget_process()
        yield House(folder)
    forget_process()


# --- whatever the world ----------------------------------------------------------------------------------------


@whole_preparations
@given(world=worlds())
@example(  # the older source is the one that knows what the text cannot do without
    world=World({"north": {0: {"postcode": "75001"}}, "south": {0: {"first_name": "Léa"}}}, TEXTS[2])
)
def test_the_recap_is_what_the_rules_say(house: House, world: World) -> None:
    house.become(world)
    recap = make_recap(world.draft())
    assert_exactly_those_who_may(house, world)
    assert_one_fate_a_contact(house, world, recap)
    assert_sums_to_the_cent(house, world, recap)


def assert_exactly_those_who_may(house: House, world: World) -> None:
    """Nobody who opted out, is dead or excluded gets a message, and everybody else who may does."""
    found = {number for (number,) in house.query("SELECT number_id FROM message")}
    assert not found & {number_of(person) for person in world.opted_out | world.dead | world.left_out}
    assert found == {number_of(person) for person in world.recipients()}


def assert_one_fate_a_contact(house: House, world: World, recap: Recap) -> None:
    """Audience = messages + exclusions: each contact of each source is one or the other, once, for one reason."""
    messages = house.query("SELECT origin, number_id FROM message")
    left_out = house.query("SELECT origin, number_id FROM exclusion")
    assert Counter(messages + left_out) == Counter((origin, number_of(person)) for origin, person in world.asked)
    assert {reason for (reason,) in house.query("SELECT reason FROM exclusion")} <= set(EXCLUSION_REASONS)
    assert (recap.message_count, recap.exclusion_count) == (len(messages), len(left_out))
    assert recap.audience_count == len(world.asked)


def assert_sums_to_the_cent(house: House, world: World, recap: Recap) -> None:
    """Each message is counted and priced as its text says, and the recap is their sum."""
    rows = house.query("SELECT text, encoding, segment_count, price, territory FROM message")
    sizes = [count_segments(text) for text, *_ in rows]
    assert [(encoding, count) for _, encoding, count, *_ in rows] == [(size[0], size[2]) for size in sizes]
    assert [price for *_, price, _ in rows] == [PRICES[place] * count for _, _, count, _, place in rows]
    assert all(text.endswith(MENTIONS[place]) is (world.kind == "marketing") for text, *_, place in rows)
    assert recap.segment_count == sum(size.segment_count for size in sizes)
    assert recap.total_price == sum((price for *_, price, _ in rows), Decimal(0))


@whole_preparations
@given(world=worlds())
def test_neither_time_nor_the_order_of_the_sources_changes_the_recap(house: House, world: World) -> None:
    house.become(world)
    first, messages = make_recap(world.draft()), messages_of(house)
    backwards = {"lists": list(world.lists)[::-1], "numbers": typed_numbers(world.typed[::-1])}
    for draft in (world.draft(), world.draft(**backwards)):
        assert replace(make_recap(draft), version=1) == first
        assert messages_of(house) == messages


def messages_of(house: House) -> list[tuple[Any, ...]]:
    """Return all of the messages but where each comes from."""
    return house.query("SELECT * EXCLUDE (origin, import_id, row_number) FROM message ORDER BY recipient_id")


# --- what makes another recap ----------------------------------------------------------------------------------

WORLD = World({"north": {0: {"first_name": "Léa"}, 1: {}, 2: {}}, "south": {OVERSEAS: {}}})


def execute(house: House, sql: str) -> None:
    with visit_store() as visit:
        visit.execute(sql)


CHANGED_DRAFTS = {
    "one letter": {"text": "Bonjour {first_name|cher client}, -20 % ce Samedi"},
    "a default": {"text": "Bonjour {first_name|chère cliente}, -20 % ce samedi"},
    "one number more": {"numbers": typed_numbers([5])},
    "one list less": {"lists": ["north"]},
    "another sender": {"sender_id": "CAMPANELLA"},
    "another kind": {"kind": "alert"},
    "another policy": {"policy": "fr-af2m-2026"},
    "a day": {"send_on": "2026-11-26"},
    "an hour": {"send_on": "2026-11-26", "send_time": "09:30"},
    "an end of the offer": {"offer_ends": "2026-11-30"},
    "closed hours that drop": {"if_closed": "drop"},
    "hours of patience": {"max_lateness": 12},
    "a placeholder that is meant": {"literal_placeholders": ["[PRENOM]"]},
    "a title": {"title": "Hiver"},
}
CHANGED_STORES: Mapping[str, Callable[[House], None]] = {
    "a name": lambda house: execute(house, "UPDATE contact SET fields = replace(fields, 'Léa', 'Lou')"),
    "a postcode": lambda house: execute(
        house, f"""UPDATE contact SET fields = '{{"postcode":"75001"}}' WHERE number_id = {number_of(1)}"""
    ),
    "one contact more": lambda house: execute(
        house, f"INSERT INTO contact SELECT * REPLACE ({number_of(3)} AS number_id) FROM contact LIMIT 1"
    ),
    "one contact less": lambda house: execute(house, f"DELETE FROM contact WHERE number_id = {number_of(2)}"),
    "one opt-out": lambda house: execute(
        house,
        "INSERT INTO opt_out_entry BY NAME SELECT"
        " 99 AS entry_id, number_id, msisdn, 'phone' AS source, updated_at AS recorded_at"
        f" FROM contact WHERE number_id = {number_of(2)}",
    ),
    "one price": lambda house: house.put_prices(PRICES | {"RE": Decimal("0.091001")}),
}


@pytest.mark.parametrize("changes", CHANGED_DRAFTS.values(), ids=list(CHANGED_DRAFTS))
def test_a_changed_draft_is_another_recap(house: House, changes: Mapping[str, Any]) -> None:
    house.become(WORLD)
    first = make_recap(WORLD.draft())
    assert_replaced(house, first, make_recap(WORLD.draft(**changes)))


def test_another_clock_is_another_recap(house: House) -> None:
    house.become(WORLD)
    first = make_recap(WORLD.draft(send_on="2026-11-26", send_time="09:30"))
    assert_replaced(house, first, make_recap(WORLD.draft(send_on="2026-11-26", send_time="09:30", clock="local")))


@pytest.mark.parametrize("change", CHANGED_STORES.values(), ids=list(CHANGED_STORES))
def test_a_changed_store_is_another_recap(house: House, change: Callable[[House], None]) -> None:
    house.become(WORLD)
    first = make_recap(WORLD.draft())
    change(house)
    try:
        assert_replaced(house, first, make_recap(WORLD.draft()))
    finally:
        house.put_prices(PRICES)


def test_a_changed_rule_for_alsace_moselle_is_another_recap(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.become(WORLD)
    first = make_recap(WORLD.draft())
    monkeypatch.setenv("SMS_ALSACE_MOSELLE", "by_postcode")
    tasks.settings.settings.cache_clear()
    try:
        assert_replaced(house, first, make_recap(WORLD.draft()))
    finally:
        tasks.settings.settings.cache_clear()


def test_a_policy_whose_file_changed_is_another_recap(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.become(WORLD)
    first = make_recap(WORLD.draft())
    monkeypatch.setattr(tasks.terms, "load_policy", lambda name: replace(load_policy(name), sha256="0" * 64))
    assert_replaced(house, first, make_recap(WORLD.draft()))


def assert_replaced(house: House, first: Recap, second: Recap) -> None:
    """The hash is another one, the old one approves nothing any more, the new one does."""
    assert second.recap_hash != first.recap_hash
    with visit_store() as visit:
        add_reading(visit, "sandbox", Decimal(100), "EUR", Decimal(0))
        with pytest.raises(CampaignError, match="is not that of the latest recap of winter"):
            approve(visit, "winter", first.recap_hash, "dominique", RULES)
        assert approve(visit, "winter", second.recap_hash, "dominique", RULES)["state"] == "approved"
