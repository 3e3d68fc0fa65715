"""The recap page: each figure in its section, warnings first, no active markup and no unmasked number."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campanile.pages.recap import recap_page
from campanile.pages.recap_schedule import count_bars
from campanile.pages.recap_views import RecapView
from campanile.pages.run_links import RunLink
from campanile.pages.views import view_of
from campanile.pages.words import span_text
from campanile.sms.rules.exclusions import EXCLUSION_REASONS
from campanile.sms.schedule.departures import Departure
from campanile.sms.schedule.expiry import EXPIRY_REASONS
from campanile.sms.schedule.forecast import EXPIRING_WORDS
from schemas.billing_rows import Credit
from tests.rows import AT, campaign, draft, recap

PARIS = ZoneInfo("Europe/Paris")
PEOPLE = ("added", "removed", "rewritten")
NEVER = {"first_at": None, "last_at": None, "expiring_count": 2}
LINKS = [
    RunLink("Approve", "locks it.", "http://ui/deployments/deployment/1/run?parameters=%7B%7D", "python -m flows a"),
    RunLink("Cancel", "no more messages are sent.", None, "python -m flows cancel-campaign campaign=soldes"),
]


def minutes(count: float) -> datetime:
    return AT + timedelta(minutes=count)


def recap_view(**changes: Any) -> dict[str, Any]:
    """Return a recap of 1 510 messages to three territories; ten to the last of them will not be sent in time."""
    view: dict[str, Any] = {
        "campaign": campaign(version=2, offer_ends_at=minutes(240)),
        "recap": recap(version=2, prepared_at=minutes(-30)),
        "header": {
            "name": "soldes",
            "kind": "marketing",
            "text": "Bonjour {first_name|cher client}, -30 % jusqu’à samedi chez MABOUTIQUE.",
            "replace_characters": "off",
            "sender_id": "36180",
            "gateway": "sandbox",
            "requested_service": False,
            "emergency_reason": None,
            "offer_ends_at": "2026-11-23T11:00:00+00:00",
            "due_at": None,
            "policy": "fr-strict",
            "policy_valid_from": "2026-03-01",
            "policy_sha256": "feedbeef" * 8,
            "alsace_moselle": "all_mainland",
            "prices": {"FR": "0.045", "GP": "0.075", "RE": "0.06"},
            "unit": "EUR",
            "stop_mentions": {"FR": "STOP au 36180", "RE": "STOP au 36180", "GP": "STOP au 36181"},
            "can_be_answered": True,
            "sender_notes": ["a link in the text may be blocked"],
            "max_messages_in_days": "3 in 30",
            "clock": "team",
            "if_closed": "next_opening",
            "max_lateness_hours": 1.5,
            "place_due_at": {},
        },
        "sources": [
            {"origin": "list magasin", "contact_count": 1330, "message_count": 1262},
            {"origin": "file invités_2026.xlsx", "contact_count": 267, "message_count": 245},
            {"origin": "typed numbers", "contact_count": 3, "message_count": 3},
        ],
        "exclusions": [
            {"reason": "opted_out", "contact_count": 52},
            {"reason": "duplicate", "contact_count": 37},
            {"reason": "missing_field", "contact_count": 1},
        ],
        "encodings": [
            {"encoding": "GSM-7", "segment_count": 1, "message_count": 409, "price": Decimal("19.21")},
            {"encoding": "UCS-2", "segment_count": 2, "message_count": 1101, "price": Decimal("99.40")},
        ],
        "territories": [
            {"territory": "FR", "message_count": 1430, "segment_count": 2460, "price": Decimal("110.70")},
            {"territory": "GP", "message_count": 40, "segment_count": 80, "price": Decimal("6.00")},
            {"territory": "RE", "message_count": 40, "segment_count": 71, "price": Decimal("4.26")},
        ],
        "findings": [
            {
                "code": "ucs2",
                "severity": "costs",
                "words": "« ’ » (U+2019) takes 1 101 messages to the encoding with 70 characters.",
                "message_count": 1101,
                "segment_count": 1101,
                "price": "49.70",
            },
            {
                "code": "link_shortener",
                "severity": "advice",
                "words": "A shortened link looks like a fraud to operators.",
                "message_count": None,
                "segment_count": None,
                "price": None,
            },
        ],
        "previews": [
            preview("shortest", "+33612345678", "Bonjour Zoé, -30 % chez MABOUTIQUE. STOP au 36180"),
            preview("longest", "+33612345679", "Bonjour Marie-Clémentine, -30 % chez MABOUTIQUE. STOP au 36180", 2),
            preview("most expensive", "+590690001234", "Bonjour Anne, -30 % chez MABOUTIQUE. STOP au 36181", 2, "GP"),
            preview("overseas", "+590690001234", "Bonjour Anne, -30 % chez MABOUTIQUE. STOP au 36181", 2, "GP"),
            preview("with defaults", "+33612345670", "Bonjour cher client, -30 % chez MABOUTIQUE. STOP au 36180", 2),
        ],
        "windows": [
            window("FR-AM", 1430, 0, 12, "Europe/Paris"),
            window("RE", 40, 0.1, 12.4, "Indian/Reunion"),
            window("GP", 40, 239, 240, "America/Guadeloupe", expiring_count=10, closed_days=[("2026-11-22", "Sunday")]),
        ],
        "departures": [
            {"window_key": "FR-AM", "starts_at": minutes(0), "ends_at": minutes(12), "message_count": 1430},
            {"window_key": "RE", "starts_at": minutes(12), "ends_at": minutes(12.4), "message_count": 40},
            {"window_key": "GP", "starts_at": minutes(239), "ends_at": minutes(240), "message_count": 30},
        ],
        "expiring": [{"window_key": "GP", "reason": "offer_ended", "message_count": 10}],
        "unsent": {"message_count": 10, "segment_count": 20, "price": Decimal("1.500000")},
        "advice": [],
        "changes": {
            "since_version": 1,
            "fields": [
                {"field": "file", "before": None, "after": "invités_2026.xlsx"},
                {"field": "offer_ends_at", "before": None, "after": "2026-11-23T11:00:00+00:00"},
                {"field": "prices", "before": {"FR": "0.045", "RE": "0.06"}, "after": {"FR": "0.045", "RE": "0.07"}},
                {"field": "repeat", "before": False, "after": True},
                {"field": "text", "before": "- 20 % samedi, venez avec votre carte de fidélité", "after": "-30 %"},
            ],
            "figures": [
                {"figure": "messages", "before": "1500", "after": "1510"},
                {"figure": "price", "before": "70.500000", "after": "118.610000"},
            ],
            "people": {"added": 12, "removed": 2, "rewritten": 1498},
        },
        "credit": credit(400),
        "auto_reply": {"enabled": True, "price": Decimal("0.045"), "can_answer": True},
        "alsace_moselle_count": 1204,
        "unreadable_postcode_count": 0,
        "balance_error": None,
        "undeclared": [],
        "predictions": [
            {
                "quantity": "answers_cost",
                "low": "0.45",
                "median": "1.35",
                "high": "2.70",
                "planned": None,
                "past_count": 4,
                "starts_at": minutes(0),
            }
        ],
        "balance_critical": Decimal(300),
    }
    return view | changes


def credit(available: int, committed_to_alerts: int = 0) -> Credit:
    return Credit(Decimal(available), Decimal(available), Decimal(20), Decimal(committed_to_alerts), "EUR")


def preview(which: str, msisdn: str, text: str, segment_count: int = 1, territory: str = "FR") -> dict[str, Any]:
    price = segment_count * Decimal("0.045")
    return {
        "which": which,
        "msisdn": msisdn,
        "text": text,
        "segment_count": segment_count,
        "price": price,
        "territory": territory,
    }


def window(key: str, count: int, first: float, last: float, zone: str, **changes: Any) -> dict[str, Any]:
    return {
        "window_key": key,
        "message_count": count,
        "first_at": minutes(first),
        "last_at": minutes(last),
        "closed_days": [],
        "expiring_count": 0,
        "zone": zone,
    } | changes


def page(**changes: Any) -> str:
    return recap_page(view_of(RecapView, recap_view(**changes)), PARIS, "", LINKS)


def section(title: str, **changes: Any) -> str:
    return page(**changes).split(f"## {title}\n")[1].split("\n## ")[0]


def header(**changes: Any) -> dict[str, Any]:
    return recap_view()["header"] | changes


@pytest.mark.parametrize(
    ("title", "words"),
    [
        pytest.param("What changed", "People since version 1: 12 added, 2 removed, 1 498 get", id="people changed"),
        pytest.param("What changed", "| file | (none) | invités\\_2026.xlsx |", id="a file's name, escaped once"),
        pytest.param("What changed", "| offer ends | (none) | Mon 2026-11-23 12:00 |", id="a field that is new"),
        pytest.param("What changed", "| prices | Réunion: 0.06 | Réunion: 0.07 |", id="of prices, those that changed"),
        pytest.param("What changed", "| repeat | no | yes |", id="a switch"),
        pytest.param("What changed", "> \\- 20 % samedi, venez avec", id="a long text is a quotation, and no list"),
        pytest.param("What changed", "| messages | 1 500 | 1 510 |", id="a count"),
        pytest.param("What changed", "| price | 70.50 EUR | 118.61 EUR |", id="an amount"),
        pytest.param("Who", "1 600 contacts = 1 510 messages + 90 excluded.", id="the audience adds up"),
        pytest.param("Who", "| list magasin | 1 330 | 1 262 |", id="a source"),
        pytest.param("Who", "| file invités\\_2026.xlsx | 267 | 245 |", id="a file, escaped once"),
        pytest.param("Who", "| excluded: asked not to be written to (STOP) | −52 |", id="a reason"),
        pytest.param("What", "> Bonjour \\{first\\_name\\|cher client\\}, -30 %", id="the text as it was written"),
        pytest.param("What", "**49.70 EUR could be saved:** « ’ » (U+2019)", id="a finding and what it costs"),
        pytest.param("What", "**Advice:** A shortened link", id="an advice"),
        pytest.param("What", "(UCS-2) | 2 | 1 101 | 99.40 EUR |", id="the distribution of segments"),
        pytest.param("What", "**Most expensive, overseas**, to +590", id="a message that is two previews"),
        pytest.param("How much", "| Guadeloupe | 40 | 80 | 0.075 EUR | 6.00 EUR |", id="a territory"),
        pytest.param("How much", "| **all** | 1 510 | 2 611 |  | **118.61 EUR** |", id="the sum"),
        pytest.param("How much", "Up to 49.70 EUR can be saved", id="what could be saved"),
        pytest.param("When", "approved now: **Mon 2026-11-23 08:00–12:00** (Europe/Paris)", id="from when to when"),
        pytest.param("When", "| Réunion | 40 | Mon 2026-11-23 11:00–11:12 | 08:00–08:12 |", id="there, and here"),
        pytest.param("When", "| ⚠ Guadeloupe | 30 of 40 | Mon 2026-11-23 06:59–07:00 |", id="with expiring messages"),
        pytest.param(
            "When",
            "⚠ **These will not be sent in time.** They are never sent late: they expire, and then cost nothing.\n\n"
            "- 10 messages to Guadeloupe: the offer ends before (Mon 2026-11-23 12:00)",
            id="what will not be sent, where and why",
        ),
        pytest.param("When", "- 2026-11-22, Sunday: Guadeloupe", id="a day on which it is closed"),
        pytest.param("When", "Mon 2026-11-23 08:00  1 470 █", id="a bar"),
        pytest.param("When", "Mon 2026-11-23 11:00     30 █\n", id="no bar counts messages that are not sent"),
        pytest.param("Money", "| **balance after it** | **261.39 EUR** |", id="the balance afterwards"),
        pytest.param("Money", "Approving commits all of it; 1.50 EUR are free again", id="what is committed too much"),
        pytest.param("Money", "About **1.35 EUR more** are expected, 0.45 EUR to 2.70", id="what answers will cost"),
        pytest.param("Rules", "**Policy:** fr-strict of 2026-03-01", id="the policy and its date"),
        pytest.param("Rules", "**Sender:** 36180: people can reply", id="what the sender implies"),
        pytest.param("Rules", "mainland France, Réunion: STOP au 36180; Guadeloupe: STOP au 36181", id="each STOP"),
        pytest.param("Rules", "Alsace-Moselle:** 1 204 messages keep its two holidays too", id="recipients of Alsace"),
        pytest.param("Rules", "who got 3 marketing messages in the last 30 days", id="the cap"),
        pytest.param("Rules", "**Offer ends:** Mon 2026-11-23 12:00; no message is sent later", id="the offer's end"),
        pytest.param("Rules", "**Whole hash:** `0123456789abcdef`", id="the hash that an approval code is made of"),
        pytest.param("Next", "**[Approve](http://ui/deployments/", id="a link"),
        pytest.param("Next", "\npython -m flows cancel-campaign campaign=soldes\n", id="a command to type"),
    ],
)  # fmt: skip
def test_each_section_says(title: str, words: str) -> None:
    assert words in section(title)


def test_the_top_says_all_in_a_sentence_and_what_stands_in_the_way() -> None:
    top = recap_page(view_of(RecapView, recap_view()), PARIS, "A rehearsal.", LINKS).split("\n## ")[0]
    for words in (
        "# Recap of soldes, version 2",
        "*A rehearsal.*",
        "**1 500 messages, 2 591 segments, at most 117.11 EUR;** 10 more would expire unsent, 1.50 EUR. Marketing from "
        "36180, sent when the sending window next opens: if approved now, from Mon 2026-11-23 08:00 (Europe/Paris).",
        "Hash **`01234567`**, prepared by camille on Mon 2026-11-23 07:30",
        "- ⚠ **10 messages will not be sent in time:** Guadeloupe (10). See When.",
    ):
        assert words in top, words


def test_if_all_is_sent_the_top_gives_one_price() -> None:
    found = page(unsent={"message_count": 0, "segment_count": 0, "price": Decimal(0)})
    assert "**1 510 messages, 2 611 segments, 118.61 EUR.** Marketing" in found
    assert "expire unsent" not in found
    assert "free again" not in found


def test_sections_stand_in_the_order_people_read_them() -> None:
    titles = re.findall("^## (.*)$", page(), re.MULTILINE)
    assert titles == ["What changed", "Who", "What", "How much", "When", "Expected", "Money", "Rules", "Next"]
    assert "What changed" not in page(changes=None)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param({"credit": None}, "⚠ The balance was not read.", id="a balance that was never read"),
        pytest.param(
            {"credit": credit(100)},
            "- ⚠ **38.61 EUR missing:** it cannot be approved before a top-up. Top up sandbox, then prepare it again",
            id="too little money",
        ),
        pytest.param(
            {"header": header(if_credit_ends="send_what_fits")},
            "- **If the credit ends:** what it covers is sent, and the rest is cancelled",
            id="the end of the credit",
        ),
        pytest.param(
            {
                "credit": credit(125),
                "header": header(emergency_reason="a water main broke"),
            },
            "An emergency: it may use the credit that is committed to marketing.",
            id="an emergency on the money of marketing",
        ),
        pytest.param(
            {"recap": replace(recap_view()["recap"], message_count=0), "departures": [], "windows": []},
            "- ⚠ **No contact gets a message.**",
            id="an empty audience",
        ),
        pytest.param(
            {"recap": replace(recap_view()["recap"], message_count=0), "departures": [], "windows": []},
            "No message is sent.",
            id="no time either",
        ),
        pytest.param(
            {"auto_reply": {"enabled": True, "price": None, "can_answer": False}},
            "people cannot reply to this sender",
            id="a sender that cannot be answered",
        ),
        pytest.param(
            {"auto_reply": {"enabled": False, "price": None, "can_answer": True}},
            "Automatic answers: switched off.",
            id="answers that are off",
        ),
        pytest.param(
            {"auto_reply": {"enabled": True, "price": Decimal("0.045"), "can_answer": True}},
            "on, 0.045 EUR each.",
            id="answers without a prediction",
        ),
        pytest.param(
            {"auto_reply": {"enabled": True, "price": None, "can_answer": True}},
            "on, a normal SMS each.",
            id="answers without a price",
        ),
        pytest.param(
            {"expiring": [{"window_key": "RE", "reason": "too_late", "message_count": 1}]},
            "1 message to Réunion: it would be later than max\\_lateness allows (1.5 h)",
            id="too late",
        ),
        pytest.param(
            {"expiring": [{"window_key": "RE", "reason": "closed", "message_count": 2}]},
            "2 messages to Réunion: its hours are closed then, and if\\_closed is drop",
            id="dropped",
        ),
        pytest.param(
            {"windows": [window("FR", 2, 0, 1, "Europe/Paris"), window("RE", 2, 0, 0, "Indian/Reunion") | NEVER]},
            "| ⚠ Réunion | 0 of 2 | never |  |",
            id="a territory that gets no message",
        ),
        pytest.param({"header": header(if_closed="drop")}, "**If closed:** a message whose time is", id="drop"),
        pytest.param({"header": header()}, "**Maximum lateness:** 1.5 h; a message that is later", id="max_lateness"),
        pytest.param(
            {
                "campaign": campaign(
                    due_at=minutes(-180), draft=draft(clock="local", send_on="2026-11-23", send_time="08:00")
                )
            },
            "sent on 2026-11-23 at 08:00 on each recipient's own clock, the first from Mon 2026-11-23 08:00 (",
            id="on each recipient's clock",
        ),
        pytest.param(
            {
                "changes": {
                    "since_version": 1,
                    "fields": [
                        {"field": "place_due_at", "before": {}, "after": {"RE": "2026-11-23T05:00:00+00:00"}},
                    ],
                    "figures": [],
                    "people": dict.fromkeys(PEOPLE, 0),
                }
            },
            "| place due | (none) | Réunion: Mon 2026-11-23 06:00 |",
            id="hours by territory that changed",
        ),
        pytest.param(
            {"recap": replace(recap_view()["recap"], prepared_at=minutes(-0.5))}, "sent as soon as it is approved.",
            id="the hours are open",
        ),
        pytest.param(
            {"recap": replace(recap_view()["recap"], message_count=0), "departures": [], "windows": []},
            "not sent to any recipient.",
            id="no recipient, so at no hour",
        ),
        pytest.param(
            {"credit": None, "balance_error": "The balance cannot be read: no connection"},
            "⚠ The balance cannot be read: no connection",
            id="a balance that cannot be read",
        ),
        pytest.param(
            {"undeclared": ["clients"]},
            "- ⚠ **No legal basis is declared for clients:** its people get no marketing. Declare it: see Next.",
            id="a list without a legal basis",
        ),
        pytest.param(
            {"campaign": campaign(stale_reason="import 3 undone; prepare again")},
            "- ⚠ **It is stale and cannot be approved:** import 3 undone; prepare again. See Next.",
            id="a stale recap",
        ),
        pytest.param({"advice": ["1 message would arrive at night."]}, "- 1 message would", id="advice on an alert"),
        pytest.param(
            {"windows": [window("FR", 1, 0, 1, "Europe/Paris", closed_days=[("2026-12-25", "Christmas Day")])]},
            "- 2026-12-25, Christmas Day: everywhere",
            id="closed everywhere",
        ),
        pytest.param({"header": header(stop_mentions={"FR": "", "RE": ""})}, "STOP mention:** none", id="no mention"),
        pytest.param({"encodings": recap_view()["encodings"][:1]}, "Every message fits in one", id="short texts"),
        pytest.param(
            {"changes": {"since_version": 1, "fields": [], "figures": [], "people": dict.fromkeys(PEOPLE, 0)}},
            "People since version 1: the same people, the same texts.",
            id="prepared again, and nothing is new",
        ),
        pytest.param({"header": header(replace_characters="accents")}, "replaced (accents)", id="characters replaced"),
        pytest.param(
            {"header": header(requested_service=True)}, "a STOP to marketing does not stop it", id="a service asked for"
        ),
        pytest.param(
            {"header": header(alsace_moselle="by_postcode")}, "keep its two holidays: to a", id="Alsace by postcode"
        ),
        pytest.param(
            {"unreadable_postcode_count": 12},
            "**Unreadable postcode:** 12 messages to a postcode that cannot be read: they are sent when all of France",
            id="unreadable postcodes",
        ),
    ],
)  # fmt: skip
def test_what_is_not_every_day(changes: dict[str, Any], words: str) -> None:
    assert words in page(**changes)


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        pytest.param({}, {"FR": "", "GP": ""}, None, id="nothing to nothing, in more territories"),
        pytest.param(
            {"FR": "", "GF": "", "GP": ""}, {"FR": "STOP au 36180", "GF": "", "GP": "STOP au 36180"},
            "(none) | mainland France, Guadeloupe: STOP au 36180", id="some have one now",
        ),
    ],
)  # fmt: skip
def test_a_change_lists_no_empty_values(before: dict[str, str], after: dict[str, str], words: str | None) -> None:
    fields = [{"field": "stop_mentions", "before": before, "after": after}]
    found = section(
        "What changed",
        changes={"since_version": 1, "fields": fields, "figures": [], "people": dict.fromkeys(PEOPLE, 0)},
    )
    assert ("stop mentions" in found) is bool(words)
    assert (words or "") in found.replace("** was:\n\n> ", "** | ").replace("\n\nand is now:\n\n> ", " | ")


def test_an_emergency_is_not_said_to_lack_what_marketing_holds() -> None:
    assert "missing" in page(credit=credit(125))
    emergency = header(emergency_reason="a water main broke")
    assert "missing" not in page(credit=credit(125), header=emergency)
    assert "missing" in page(credit=credit(125, committed_to_alerts=20), header=emergency)


HOSTILE = "# [x](http://evil) <b>|</b> `a` **b** 06 12 34 56 78"


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"header": header(emergency_reason=HOSTILE, sender_notes=[HOSTILE])}, id="rules"),
        pytest.param({"sources": [{"origin": HOSTILE, "contact_count": 1, "message_count": 1}]}, id="a file's name"),
        pytest.param({"previews": [preview("longest", "+33612345678", HOSTILE)]}, id="a message"),
        pytest.param({"advice": [HOSTILE]}, id="advice"),
        pytest.param(
            {"findings": [{"code": "ucs2", "severity": "costs", "words": HOSTILE, "price": None}]}, id="a finding"
        ),
        pytest.param({"campaign": campaign(draft=draft(actor=HOSTILE))}, id="the author"),
        pytest.param(
            {
                "changes": {
                    "since_version": 1,
                    "fields": [{"field": "note", "before": HOSTILE, "after": [HOSTILE]}],
                    "figures": [],
                    "people": {"added": 0, "removed": 0, "rewritten": 1},
                }
            },
            id="what it was before",
        ),
    ],
)
def test_what_people_wrote_is_inert_and_masked(changes: dict[str, Any]) -> None:
    found = page(**changes)
    assert "\\[x\\](http\\://evil) &lt;b&gt;\\|&lt;/b&gt; \\`a\\` \\*\\*b\\*\\*" in found
    assert "06 12 34 56 78" not in found


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"header": header(text=HOSTILE)}, id="the text"),
        pytest.param(
            {
                "changes": {
                    "since_version": 1,
                    "fields": [{"field": "text", "before": HOSTILE, "after": "Soldes"}],
                    "figures": [],
                    "people": {"added": 0, "removed": 0, "rewritten": 1},
                }
            },
            id="what it was before",
        ),
    ],
)
def test_the_authors_own_words_stand_as_they_are_and_inert(changes: dict[str, Any]) -> None:
    found = page(**changes)
    assert "\\[x\\](http\\://evil) &lt;b&gt;\\|&lt;/b&gt; \\`a\\` \\*\\*b\\*\\* 06 12 34 56 78" in found


def test_a_text_is_shown_line_by_line_with_its_dates_and_codes() -> None:
    text = "Du 01/12/2026 au 24/12/2026\nCode 20261201, {phone}"
    row = {"which": "longest", "msisdn": "+33612345678", "segment_count": 1}
    row |= {"price": Decimal("0.05"), "territory": "FR", "text": text.replace("{phone}", "06 12 34 56 79")}
    found = page(header=header(text=text), previews=[row])
    assert "> Du 01/12/2026 au 24/12/2026  \n> Code 20261201, \\{phone\\}" in found
    assert "> Du 01/12/2026 au 24/12/2026  \n> Code 20261201, 06\\*\\*\\*\\*\\*679" in found
    assert not re.search(r"^(> )?# \\\[x", found, re.MULTILINE), "a heading of its own"


def test_every_reason_to_expire_has_its_words_beforehand() -> None:
    assert EXPIRING_WORDS.keys() == EXPIRY_REASONS.keys()


def test_no_number_is_shown_whole() -> None:
    numbers = [row["msisdn"] for row in recap_view()["previews"]]
    assert [number for number in numbers if number[1:] in page()] == []
    assert "+336****5678" in page().replace("\\", "")


# --- when ------------------------------------------------------------------------------------------------------

MOMENTS = st.integers(0, 14 * 24 * 60)
DEPARTURES = st.lists(
    st.tuples(MOMENTS, st.integers(0, 3 * 24 * 60), st.integers(1, 100_000)).map(
        lambda drawn: Departure("FR", minutes(drawn[0]), minutes(drawn[0] + drawn[1]), drawn[2])
    ),
    min_size=1,
    max_size=5,
)


@pytest.mark.parametrize("is_daily", [pytest.param(False, id="hours"), pytest.param(True, id="days")])
@given(departures=DEPARTURES)
def test_bars_hold_every_message_between_the_first_and_the_last_moment(
    is_daily: bool, departures: list[Departure]
) -> None:
    bars = count_bars(departures, PARIS, is_daily=is_daily)
    assert sum(bar.message_count for bar in bars) == sum(row.message_count for row in departures)
    assert [bar.starts_at for bar in bars] == sorted({bar.starts_at for bar in bars})
    assert all(bar.starts_at <= bar.last_at <= bar.ends_at for bar in bars)
    first = min(row.starts_at for row in departures)
    assert bars[0].starts_at <= first < bars[0].ends_at
    assert max(bar.last_at for bar in bars) <= max(row.ends_at for row in departures)


def test_an_hour_that_the_clock_repeats_has_two_bars() -> None:
    before = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)  # 02:30 in Paris, twice that night
    row = Departure("FR", before, before + timedelta(hours=1), 60)
    bars = count_bars([row], PARIS, is_daily=False)
    assert [(f"{bar.starts_at.astimezone(PARIS):%H:%M %Z}", bar.message_count) for bar in bars] == [
        ("02:00 CEST", 30),
        ("02:00 CET", 30),
    ]


def test_days_take_over_where_hours_would_not_fit_on_a_screen() -> None:
    row = {"window_key": "FR", "starts_at": AT, "ends_at": AT + timedelta(days=3), "message_count": 300_000}
    found = section("When", departures=[row])
    assert "each day (Europe/Paris)" in found
    assert re.findall("^[A-Z][a-z]{2} 2026-11-2[3-6] +[0-9]+", found, re.MULTILINE) == [
        "Mon 2026-11-23   66", "Tue 2026-11-24  100", "Wed 2026-11-25  100", "Thu 2026-11-26   33",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("last", "words"),
    [
        pytest.param(0, "Mon 2026-11-23 08:00", id="one minute"),
        pytest.param(95, "Mon 2026-11-23 08:00–09:35", id="one day"),
        pytest.param(24 * 60, "Mon 2026-11-23 08:00 to Tue 2026-11-24 08:00", id="two days"),
    ],
)
def test_spans(last: float, words: str) -> None:
    assert span_text(AT, minutes(last), PARIS) == words


def test_every_exclusion_reason_is_in_the_docs_in_the_same_words() -> None:
    docs = (Path(__file__).parents[2] / "docs" / "recap.md").read_text(encoding="utf-8")
    section = docs.partition("## Exclusions")[2].partition("\n## ")[0]
    rows = dict(re.findall(r"^\| ([a-z_]+) \| (.+) \|$", section, re.MULTILINE))
    assert {reason: words for reason, words in rows.items() if reason != "reason"} == EXCLUSION_REASONS
