"""Pages of runs that concern no campaign or list: what the run did, and the next steps."""

from collections.abc import Mapping, Sequence

from prefect import task

from campanile.pages import outcomes
from campanile.pages.alert_rules import alert_rule_page
from campanile.pages.balance import balance_file, balance_page
from campanile.pages.run_links import (
    BALANCE_ALERT,
    CHECK_BALANCE,
    EXPORT_OPT_OUTS,
    OPT_OUT_AGAIN,
    READ_REPLIES,
    READ_REPORTS,
    RESPONDER,
    RESPONDER_OFF,
    REVIEW,
    TOP_UP,
    resume_step,
)
from campanile.services.billing.alert_rules import read_alert_rule
from campanile.services.billing.forecast import read_balance_view, write_balance_page
from campanile.services.inbound.reports import read_unknown_words
from campanile.services.inbound.responder_state import read_responder
from schemas.inbound_rows import ReplyCount
from tasks.artifacts import publish_unless_away
from tasks.context import current_context
from tasks.run_links import step_links

#: Pages that are one line: the title and the next steps, by the key of the page.
OUTCOMES = {
    "backup": ("Copy of the store", []),
    "histories": ("Histories read again", [READ_REPLIES, READ_REPORTS]),
    "opt-outs": ("Opt-outs", [EXPORT_OPT_OUTS, OPT_OUT_AGAIN]),
    "snapshot": ("Tables for analysts", []),
}


@task(task_run_name="publish the balance of {gateway}")
def publish_balance(gateway: str, line: str) -> str:
    """Publish the report of a gateway's balance, write its HTML file, and return the page."""
    context, links = current_context(), step_links([CHECK_BALANCE, TOP_UP, BALANCE_ALERT])
    zone, view = context.settings.zone, read_balance_view(context, gateway, line)
    write_balance_page(view, balance_file(view, zone, context.simulation_note))
    page = balance_page(view, links, zone)
    return _publish(f"balance-{gateway}", f"Balance of {gateway}", page)


@task(task_run_name="publish the alert of {gateway}")
def publish_alert_rule(gateway: str, line: str) -> str:
    """Publish the rule of the alert on a gateway's balance with its history, and return the page."""
    context = current_context()
    view, links = read_alert_rule(context, gateway), step_links([CHECK_BALANCE, BALANCE_ALERT])
    page = alert_rule_page(view, line, links, context.settings.zone)
    return _publish(f"balance-alert-{gateway}", f"Alert on the balance of {gateway}", page)


@task(task_run_name="publish the replies of {gateway}")
def publish_replies(gateway: str, files: Sequence[str] = ()) -> str:
    """Publish the counts of a gateway's replies by verdict and answer, and the files read; return the page."""
    with current_context().transaction(read_only=True) as tx:
        replies = tx.select(ReplyCount, "reply.totals", gateway=gateway)
    page = outcomes.replies_page(gateway, replies, step_links([REVIEW, RESPONDER]), files)
    return _publish(f"replies-{gateway}", f"Replies of {gateway}", page)


@task(task_run_name="publish the delivery reports of {gateway}")
def publish_reports(gateway: str, moved: Mapping[str, int]) -> str | None:
    """Publish what the newest delivery reports changed, and words in no table; return the page, None: nothing."""
    unknown = read_unknown_words(current_context(), gateway)
    if not (moved or unknown):
        return None
    page = outcomes.reports_page(gateway, moved, unknown, step_links([READ_REPORTS]))
    return _publish(f"delivery-reports-{gateway}", f"Delivery reports of {gateway}", page)


@task
def publish_auto_responder(line: str) -> str:
    """Publish the settings of the auto-responder, and return the page."""
    context = current_context()
    responder, prices, unit = read_responder(context)
    links = step_links([RESPONDER_OFF if responder.enabled else RESPONDER, READ_REPLIES])
    page = outcomes.auto_responder_page(line, responder, prices, unit, links, context.settings.zone)
    return _publish("auto-responder", "Auto-responder", page)


@task
def publish_stopped(line: str) -> str:
    """Publish the campaigns that are paused, and return the page."""
    with current_context().transaction(read_only=True) as tx:
        names = tx.values("campaign.paused")
    links = step_links([*map(resume_step, names), RESPONDER_OFF])
    return _publish("stop-everything", "Everything is stopped", outcomes.stopped_page(line, len(names), links))


@task
def publish_opt_out(number: str, is_new: bool) -> str:
    """Publish that a person was opted out, the number masked, and return the page."""
    return _publish("opt-out", "Opt-out recorded", outcomes.opt_out_page(number, is_new, step_links([OPT_OUT_AGAIN])))


@task(task_run_name="publish {name}")
def publish_outcome(name: str, line: str) -> str:
    """Publish what a run did, in one line, with its next steps; return the page. ``name``: a key of ``OUTCOMES``."""
    title, steps = OUTCOMES[name]
    return _publish(name, title, outcomes.outcome_page(title, line, step_links(steps)))


def _publish(key: str, title: str, page: str) -> str:
    publish_unless_away(key, page, title)
    return page
