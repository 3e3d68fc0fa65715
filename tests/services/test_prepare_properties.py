"""Properties of every recap, for any lists, opt-outs, exclusions and typed numbers: complete preparations.

Each example has a new store. The rules are written again here, for one person at a time.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

import campanile.services.campaigns.preparation_context
from campanile.services.campaigns.prepare import make_recap
from campanile.services.context import Context
from campanile.sms.errors import CampaignError
from campanile.sms.rules.exclusions import EXCLUSION_REASONS
from campanile.sms.schedule.policy import load_policy
from campanile.sms.text.segments import count_segments
from campanile.sms.text.template import Field, parse_template
from campanile.store.billing.balance import add_reading
from campanile.store.campaigns.approval import ApprovalRules, approve
from schemas.draft import CampaignDraft
from schemas.recap_rows import Recap
from tests.lanes import examples
from tests.store.conftest import Clock
from tests.stores import context_on, copy_store

PEOPLE = range(6)
OVERSEAS = 4  # the first overseas person
PRICES = {"FR": Decimal("0.0485"), "RE": Decimal("0.091")}
MENTIONS = {"FR": " STOP au 36180", "RE": " STOP au 36789"}
TEXTS = ("{first_name|Vous}, ce samedi", "{first_name}, venez !", "{first_name|Vous}, à {postcode}", "Soldes {{-20 %}}")
MONDAY_8_IN_PARIS = datetime(2026, 11, 23, 7, tzinfo=UTC)
MADE_AT = pd.Timestamp("2026-11-01 12:00", tz="UTC")
RULES = ApprovalRules(approvers=(), four_eyes=False, max_age=timedelta(days=3))
People = Mapping[int, Mapping[str, str]]

whole_preparations = settings(
    examples(30),
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],  # explaining takes minutes
)


@dataclass(frozen=True)
class World:
    """The content of a store and of a draft; ``lists`` are in the draft's order."""

    lists: Mapping[str, People]
    text: str = "Bonjour {first_name|cher client}, -20 % ce samedi"
    kind: str = "marketing"
    typed: Sequence[int] = ()
    undeclared: frozenset[str] = frozenset()
    opted_out: frozenset[int] = frozenset()
    dead: frozenset[int] = frozenset()
    excluded: frozenset[int] = frozenset()

    @property
    def asked(self) -> list[tuple[str, int]]:
        """The sources of the draft: one entry per contact and per typed number."""
        return [(name, person) for name, people in self.lists.items() for person in people] + [
            ("typed", person) for person in self.typed
        ]

    def usable(self, person: int) -> list[Mapping[str, str]]:
        """The fields of a person in each source that may be used."""
        forbidden = self.undeclared if self.kind == "marketing" else frozenset()
        found = [people[person] for name, people in self.lists.items() if person in people and name not in forbidden]
        return [*found, *({} for typed in self.typed if typed == person)]

    def recipients(self) -> set[int]:
        """The people who must get a message: a usable source has all fields that the text needs."""
        parts = parse_template(self.text).parts
        needed = {part.name for part in parts if isinstance(part, Field) and part.default is None}
        allowed = set(PEOPLE) - self.opted_out - self.dead - self.excluded
        return {person for person in allowed if any(needed <= fields.keys() for fields in self.usable(person))}

    def draft(self, **changes: Any) -> CampaignDraft:
        """The draft, with some fields changed."""
        draft = {
            "name": "winter",
            "kind": self.kind,
            "text": self.text,
            "sender_id": "CAMPANILE",
            "actor": "camille",
            "lists": list(self.lists),
            "numbers": typed_numbers(self.typed),
            "exclude_lists": ["excluded"],
        }
        return CampaignDraft.model_validate(draft | changes)


def number_of(person: int) -> int:
    return (262_692_123_450 if person >= OVERSEAS else 33_612_345_670) + person


def typed_numbers(people: Sequence[int]) -> list[str]:
    return [f"+{number_of(person)}" for person in people]


def territory_of(person: int) -> str:
    return "RE" if person >= OVERSEAS else "FR"


@st.composite
def worlds(draw: st.DrawFn) -> World:
    some_people = st.frozensets(st.sampled_from(PEOPLE), max_size=2)
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
        opted_out=draw(some_people),
        dead=draw(some_people),
        excluded=draw(some_people),
    )


class Workspace:
    """A store that can be replaced quickly, and a tariff; the clock is at Monday 08:00 in Paris."""

    def __init__(self, folder: Path, empty_store: Path) -> None:
        self.clock = Clock()
        self.tariff = folder / "sandbox.csv"
        self.put_prices(PRICES)
        self._store, self._empty = folder / "sms.duckdb", empty_store
        self.context = self.under()

    def under(self, **settings: object) -> Context:
        """Return the context with other settings."""
        return context_on(self._store, self.clock, tariff_dir=self.tariff.parent, **settings)

    def put_prices(self, prices: Mapping[str, Decimal]) -> None:
        lines = [f"{territory},{price},EUR" for territory, price in prices.items()]
        self.tariff.write_text("\n".join(["country,price,unit", *lines]), encoding="utf-8")

    def reset_to(self, world: World) -> None:
        """Replace the store with that of a world."""
        copy_store(self._empty, self._store)
        self.clock.at = MONDAY_8_IN_PARIS
        with self.context.transaction() as tx:
            for table, rows in tables_of(world).items():
                if rows:
                    tx._connection.register("world_rows", pd.DataFrame(rows))
                    tx.execute(f"INSERT INTO {table} BY NAME SELECT * FROM world_rows")
                    tx._connection.unregister("world_rows")

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with self.context.transaction(read_only=True) as tx:
            return tx.execute(sql).fetchall()


def tables_of(world: World) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of each table."""
    lists = [*world.lists.items(), ("excluded", {person: {} for person in world.excluded})]
    return {
        "contact_list": [
            {"list_id": list_id, "list_name": name, "is_sample": False, "created_at": MADE_AT, "legal_basis": basis}
            for list_id, (name, _) in enumerate(lists, start=1)
            for basis in [None if name in world.undeclared else "consent"]
        ],
        "contact": [
            number_row(person)
            | {"territory": territory_of(person), "fields": as_json(fields), "updated_at": MADE_AT}
            | {"list_id": list_id, "import_id": list_id, "row_number": row_number}
            for list_id, (_, people) in enumerate(lists, start=1)
            for row_number, (person, fields) in enumerate(people.items(), start=1)
        ],
        "opt_out_entry": [
            {"opt_out_key": number_of(person), "entry_id": entry_id, "source": "phone", "recorded_at": MADE_AT}
            for entry_id, person in enumerate(sorted(world.opted_out), start=1)
        ],
        "dead_number": [number_row(person) | {"reason": "gone", "recorded_at": MADE_AT} for person in world.dead],
    }


def number_row(person: int) -> dict[str, Any]:
    return {"number_id": number_of(person), "msisdn": f"+{number_of(person)}"}


def as_json(fields: Mapping[str, str]) -> str:
    return json.dumps(fields, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Workspace:
    return Workspace(tmp_path_factory.mktemp("workspace"), empty_store)


# --- in every world --------------------------------------------------------------------------------------------


@whole_preparations
@given(world=worlds())
@example(  # the older source has the field that the text needs
    world=World({"north": {0: {"postcode": "75001"}}, "south": {0: {"first_name": "Léa"}}}, TEXTS[2])
)
def test_the_recap_is_what_the_rules_say(workspace: Workspace, world: World) -> None:
    workspace.reset_to(world)
    recap = make_recap(workspace.context, world.draft())
    assert_exactly_the_allowed_recipients(workspace, world)
    assert_one_outcome_per_contact(workspace, world, recap)
    assert_sums_to_the_cent(workspace, world, recap)


def assert_exactly_the_allowed_recipients(workspace: Workspace, world: World) -> None:
    """People who opted out, are dead or excluded get no message; all other allowed people get one."""
    found = {number for (number,) in workspace.query("SELECT number_id FROM message")}
    assert not found & {number_of(person) for person in world.opted_out | world.dead | world.excluded}
    assert found == {number_of(person) for person in world.recipients()}


def assert_one_outcome_per_contact(workspace: Workspace, world: World, recap: Recap) -> None:
    """Audience = messages + exclusions: each contact of each source is in one of them, once, with one reason."""
    messages = workspace.query("SELECT origin, number_id FROM message")
    excluded = workspace.query("SELECT origin, number_id FROM exclusion")
    assert Counter(messages + excluded) == Counter((origin, number_of(person)) for origin, person in world.asked)
    assert {reason for (reason,) in workspace.query("SELECT reason FROM exclusion")} <= set(EXCLUSION_REASONS)
    assert (recap.message_count, recap.exclusion_count) == (len(messages), len(excluded))
    assert recap.audience_count == len(world.asked)


def assert_sums_to_the_cent(workspace: Workspace, world: World, recap: Recap) -> None:
    """Segments and price of each message follow from its text, and the recap has their sums."""
    rows = workspace.query("SELECT text, encoding, segment_count, price, territory FROM message")
    sizes = [count_segments(text) for text, *_ in rows]
    assert [(encoding, count) for _, encoding, count, *_ in rows] == [(size[0], size[2]) for size in sizes]
    assert [price for *_, price, _ in rows] == [PRICES[territory] * count for _, _, count, _, territory in rows]
    assert all(text.endswith(MENTIONS[territory]) is (world.kind == "marketing") for text, *_, territory in rows)
    assert recap.segment_count == sum(size.segment_count for size in sizes)
    assert recap.total_price == sum((price for *_, price, _ in rows), Decimal(0))


@whole_preparations
@given(world=worlds())
def test_neither_time_nor_the_order_of_the_sources_changes_the_recap(workspace: Workspace, world: World) -> None:
    workspace.reset_to(world)
    first, messages = make_recap(workspace.context, world.draft()), messages_of(workspace)
    backwards = {"lists": list(world.lists)[::-1], "numbers": typed_numbers(world.typed[::-1])}
    for draft in (world.draft(), world.draft(**backwards)):
        workspace.clock.forward(seconds=1)
        again = make_recap(workspace.context, draft)
        assert replace(again, version=1, details=first.details, prepared_at=first.prepared_at) == first
        assert messages_of(workspace) == messages


def messages_of(workspace: Workspace) -> list[tuple[Any, ...]]:
    """Return the messages without the columns of their origin."""
    return workspace.query("SELECT * EXCLUDE (origin, import_id, row_number) FROM message ORDER BY recipient_id")


# --- changes of the recap --------------------------------------------------------------------------------------

WORLD = World({"north": {0: {"first_name": "Léa"}, 1: {}, 2: {}}, "south": {OVERSEAS: {}}})


def execute(workspace: Workspace, sql: str) -> None:
    with workspace.context.transaction() as tx:
        tx.execute(sql)


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
CHANGED_STORES: Mapping[str, Callable[[Workspace], None]] = {
    "a name": lambda workspace: execute(workspace, "UPDATE contact SET fields = replace(fields, 'Léa', 'Lou')"),
    "a postcode": lambda workspace: execute(
        workspace, f"""UPDATE contact SET fields = '{{"postcode":"75001"}}' WHERE number_id = {number_of(1)}"""
    ),
    "one contact more": lambda workspace: execute(
        workspace, f"INSERT INTO contact SELECT * REPLACE ({number_of(3)} AS number_id) FROM contact LIMIT 1"
    ),
    "one contact less": lambda workspace: execute(workspace, f"DELETE FROM contact WHERE number_id = {number_of(2)}"),
    "one opt-out": lambda workspace: execute(
        workspace,
        "INSERT INTO opt_out_entry BY NAME SELECT"
        " 99 AS entry_id, number_id AS opt_out_key, 'phone' AS source, updated_at AS recorded_at"
        f" FROM contact WHERE number_id = {number_of(2)}",
    ),
    "one price": lambda workspace: workspace.put_prices(PRICES | {"RE": Decimal("0.091001")}),
}


@pytest.mark.parametrize("changes", CHANGED_DRAFTS.values(), ids=list(CHANGED_DRAFTS))
def test_a_changed_draft_is_another_recap(workspace: Workspace, changes: Mapping[str, Any]) -> None:
    workspace.reset_to(WORLD)
    first = make_recap(workspace.context, WORLD.draft())
    assert_replaced(workspace, first, make_recap(workspace.context, WORLD.draft(**changes)))


def test_another_clock_is_another_recap(workspace: Workspace) -> None:
    workspace.reset_to(WORLD)
    first = make_recap(workspace.context, WORLD.draft(send_on="2026-11-26", send_time="09:30"))
    assert_replaced(
        workspace,
        first,
        make_recap(workspace.context, WORLD.draft(send_on="2026-11-26", send_time="09:30", clock="local")),
    )


@pytest.mark.parametrize("change", CHANGED_STORES.values(), ids=list(CHANGED_STORES))
def test_a_changed_store_is_another_recap(workspace: Workspace, change: Callable[[Workspace], None]) -> None:
    workspace.reset_to(WORLD)
    first = make_recap(workspace.context, WORLD.draft())
    change(workspace)
    try:
        assert_replaced(workspace, first, make_recap(workspace.context, WORLD.draft()))
    finally:
        workspace.put_prices(PRICES)


def test_a_changed_rule_for_alsace_moselle_is_another_recap(workspace: Workspace) -> None:
    workspace.reset_to(WORLD)
    first = make_recap(workspace.context, WORLD.draft())
    assert_replaced(workspace, first, make_recap(workspace.under(alsace_moselle="by_postcode"), WORLD.draft()))


def test_a_policy_whose_file_changed_is_another_recap(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace.reset_to(WORLD)
    first = make_recap(workspace.context, WORLD.draft())
    monkeypatch.setattr(
        campanile.services.campaigns.preparation_context,
        "load_policy",
        lambda name: replace(load_policy(name), sha256="0" * 64),
    )
    assert_replaced(workspace, first, make_recap(workspace.context, WORLD.draft()))


def assert_replaced(workspace: Workspace, first: Recap, second: Recap) -> None:
    """The hash is different; the old hash is refused, the new one is accepted."""
    assert second.recap_hash != first.recap_hash
    with workspace.context.transaction() as tx:
        add_reading(tx, "sandbox", Decimal(100), "EUR", Decimal(0))
        with pytest.raises(CampaignError, match="is not that of the latest recap of winter"):
            approve(tx, "winter", first.recap_hash, "dominique", RULES)
        assert approve(tx, "winter", second.recap_hash, "dominique", RULES)[0].state == "approved"
