"""Doubtful replies: a page that lists them, and a colleague's decision on one."""

from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from prefect import get_run_logger, task

from sms.errors import CampaignError
from sms.masking import escape_markdown, mask_number
from sms.wording import grouped
from store.opt_outs import doubtful_replies, settle_reply
from tasks.house import visit_store
from tasks.links import RunLink, draw_links, review_links
from tasks.pages import local_time, quoted_text
from tasks.publish import publish
from tasks.settings import settings

_VERDICTS = ("lift", "keep")
#: How many replies one page shows.
_MOST = 50


@task(task_run_name="{verdict} the opt-out of reply {reply_id}")
def settle(reply_id: int, verdict: str, actor: str) -> str:
    """Settle a doubtful reply; return one line that says what follows.

    Raises:
        CampaignError: there is no such doubtful reply, or the verdict or the name is missing.
    """
    if verdict not in _VERDICTS:
        raise CampaignError(f"verdict {verdict!r} settles nothing; it is one of {', '.join(_VERDICTS)}")
    if not actor.strip():
        raise CampaignError("actor is empty; give the name of the person who settles the reply")
    with visit_store() as visit:
        other_source = settle_reply(visit, reply_id, "lift" if verdict == "lift" else "keep", actor.strip())
    if other_source is None:
        line = f"reply {reply_id}: the person may be written to again"
    elif verdict == "keep":
        line = f"reply {reply_id}: the person stays opted out"
    else:
        line = f"reply {reply_id} is lifted; the person stays opted out by another opt-out ({other_source})"
    get_run_logger().info(line)
    return line


@task
def publish_doubtful() -> str:
    """Publish the doubtful replies that nobody has settled, with links to settle each, and return the page."""
    with visit_store(read_only=True) as visit:
        rows = doubtful_replies(visit, _MOST)
    page = doubtful_page(rows, review_links([row["reply_id"] for row in rows]), settings().zone)
    publish("doubtful-replies", page, "Doubtful replies")
    return page


def doubtful_page(rows: Sequence[Mapping[str, Any]], links: Mapping[int, Sequence[RunLink]], zone: ZoneInfo) -> str:
    """Return the page of doubtful replies; ``rows`` are those of ``store.opt_outs.doubtful_replies``."""
    if not rows:
        return "# No doubtful replies\n\nEach reply that may be a refusal is settled.\n"
    count = rows[0]["doubtful_count"]
    parts = [
        f"# {grouped(count)} doubtful {'reply' if count == 1 else 'replies'}",
        "Each may be a refusal, so its sender gets no message and no automatic answer. Read it, then choose: **lift** "
        "if it is no refusal, **keep** if it is one.",
    ]
    for row in rows:
        campaign = f", after campaign {escape_markdown(row['campaign'])}" if row["campaign"] else ""
        parts.append(
            f"## Reply {row['reply_id']}\n\n{mask_number(row['sender'])}, "
            f"{local_time(row['received_at'], zone)} ({zone.key}){campaign}:"
        )
        parts += [quoted_text(row["text"]), *draw_links(links[row["reply_id"]])]
    if count > len(rows):
        parts.append(f"These are the oldest {len(rows)}; the others follow when these are settled.")
    return "\n\n".join(parts) + "\n"
