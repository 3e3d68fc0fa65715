"""Pages of runs that concern no campaign or list: what the run did, and the next steps."""

from collections.abc import Mapping, Sequence

from prefect import task

from campanile.pages import outcomes
from campanile.pages.run_links import (
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
from campanile.services.inbound.reports import read_unknown_words
from campanile.services.inbound.responder_state import read_responder, read_responder_state
from schemas.inbound_rows import ReplyCount
from tasks.artifacts import publish_unless_away
from tasks.context import current_context
from tasks.run_links import step_links


@task(task_run_name="publish the balance of {gateway}")
def publish_balance(gateway: str, line: str) -> str:
    """Publish the state of a gateway's balance, and return the page."""
    context, links = current_context(), step_links([CHECK_BALANCE, TOP_UP])
    responder = read_responder_state(context, gateway)
    page = outcomes.balance_page(gateway, line, responder, links, context.settings.zone)
    return _publish(f"balance-{gateway}", f"Balance of {gateway}", page)


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
def publish_backup(line: str) -> str:
    """Publish where the newest copy of the store is, and return the page."""
    return _publish("backup", "Copy of the store", outcomes.outcome_page("Copy of the store", line, []))


@task
def publish_snapshot_line(line: str) -> str:
    """Publish where the tables for analysts are, and return the page."""
    return _publish("snapshot", "Tables for analysts", outcomes.outcome_page("Tables for analysts", line, []))


@task
def publish_opt_out(number: str, is_new: bool) -> str:
    """Publish that a person was opted out, the number masked, and return the page."""
    return _publish("opt-out", "Opt-out recorded", outcomes.opt_out_page(number, is_new, step_links([OPT_OUT_AGAIN])))


@task
def publish_opt_outs(line: str) -> str:
    """Publish what was done with the opt-outs, and return the page."""
    return _publish(
        "opt-outs", "Opt-outs", outcomes.outcome_page("Opt-outs", line, step_links([EXPORT_OPT_OUTS, OPT_OUT_AGAIN]))
    )


@task
def publish_reset(line: str) -> str:
    """Publish that a history is read again from the beginning, and return the page."""
    title = "Histories read again"
    return _publish("histories", title, outcomes.outcome_page(title, line, step_links([READ_REPLIES, READ_REPORTS])))


def _publish(key: str, title: str, page: str) -> str:
    publish_unless_away(key, page, title)
    return page
