"""What nobody knows and only a person can decide: listed with the gateway's words, and decided by name."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal
from zoneinfo import ZoneInfo

from prefect import get_run_logger, task

from sms.masking import escape_markdown, mask_number, mask_numbers
from sms.wording import amount_text, count_text
from store.campaigns import find_campaign
from store.unknowns import list_unknown, resend, write_off
from tasks.house import manifest_of, visit_store
from tasks.links import RunLink, decision_links, draw_links
from tasks.names import reasoned, signed
from tasks.pages import local_time, shown_name, table
from tasks.publish import publish_unless_away
from tasks.settings import settings

Decision = Literal["write_off", "resend"]
_DECISIONS = {"write_off": write_off, "resend": resend}
_MOST_ROWS = 200


@task(task_run_name="{decision} what is unknown of {campaign}")
def decide_unknown(campaign: str, decision: Decision, name: str, reason: str) -> str:
    """Write a campaign's unknown messages off, or send them again; return one line.

    Raises:
        CampaignError: there is none, none may be decided now, or nobody says who decides and why.
    """
    who, why = signed(name), reasoned(reason)
    with visit_store() as visit:
        count = _DECISIONS[decision](visit, campaign, who, why)
        state = find_campaign(visit, campaign)["state"]
    done = {"write_off": "written off", "resend": "waiting to be sent again"}[decision]
    line = f"{count_text(count, 'unknown message')} of {campaign} now {done}"
    if state == "paused":
        line += "; it is paused, and goes on when resume-campaign lets it"
    get_run_logger().info(line)
    return line


@task(task_run_name="list what is unknown of {campaign}")
def publish_unknowns(campaign: str) -> str:
    """Publish the unknown messages of a campaign with links to both decisions, and return the page."""
    with visit_store(read_only=True) as visit:
        found = find_campaign(visit, campaign)
        rows = list_unknown(visit, found["campaign_id"])
    links = decision_links(campaign) if rows else []
    page = unknowns_page(found, rows, links, manifest_of(found["gateway"]).unit, settings().zone)
    publish_unless_away(f"unknown-{campaign}", page, f"Unknown messages of {campaign}")
    return page


def unknowns_page(
    campaign: Mapping[str, Any],
    rows: Sequence[Mapping[str, Any]],
    links: Sequence[RunLink],
    unit: str,
    zone: ZoneInfo,
) -> str:
    """Return what is unknown of a campaign; ``rows`` are those of ``store.unknowns.list_unknown``."""
    name = shown_name(campaign)
    if not rows:
        return f"# {name}: nothing is unknown\n\nEach of its messages is known to have been accepted, or not.\n"
    price = amount_text(sum((Decimal(row["price"]) for row in rows), Decimal(0)), unit)
    parts = [f"# {name}: {count_text(len(rows), 'message')} unknown", _what_it_means(campaign, price)]
    if links:
        parts += ["## Decide", *draw_links(links)]
    parts += ["## Which", _table(rows[:_MOST_ROWS], unit, zone)]
    if len(rows) > _MOST_ROWS:
        parts.append(f"These are the first {_MOST_ROWS}; the export of report-campaign has all of them.")
    return "\n\n".join(parts) + "\n"


def _what_it_means(campaign: Mapping[str, Any], price: str) -> str:
    gateway = escape_markdown(campaign["gateway"])
    waits = (
        "Campanile has asked as often as it can: now somebody must decide."
        if campaign["due_at"] is None
        else "Campanile is not done with asking: decide only if you know more."
    )
    return (
        f"They were handed to {gateway}, and nobody knows whether it accepted them. They are not sent again by "
        f"themselves; {price} stay reserved for them. {waits} Look them up in the provider's own console first. A "
        "delivery report that still comes settles a message by itself, also one that was written off."
    )


def _table(rows: Sequence[Mapping[str, Any]], unit: str, zone: ZoneInfo) -> str:
    cells = [
        (
            mask_number(row["msisdn"]),
            row["slice_no"],
            local_time(row["claimed_at"], zone),
            amount_text(Decimal(row["price"]), unit),
            mask_numbers(row["reason"] or ""),
        )
        for row in rows
    ]
    return table(["number", "slice", f"since ({zone.key})", "price", "the gateway's words"], cells, align="lrlrl")
