"""Replies, opt-outs and delivery reports of gateways; the auto-responder; doubtful replies."""

from prefect import task

from campanile.pages.reviews import doubtful_page
from campanile.services.billing import alerts
from campanile.services.inbound import auto_answers, history, owned_replies, reply_files, reviews, sync
from campanile.services.inbound import push_opt_outs as push
from campanile.sms.rules.auto_reply import AutoResponder
from campanile.store.contacts.opt_outs import doubtful_replies
from tasks.artifacts import publish
from tasks.context import current_context
from tasks.run_links import review_links

#: How many replies one page shows.
_MAX_SHOWN = 50


@task(retries=2, retry_delay_seconds=[1, 3], tags=["gateway"])
def sync_opt_outs(gateway: str) -> dict[str, int]:
    """Read replies and the provider's own opt-outs; each STOP applies in the transaction that records it."""
    return sync.sync_opt_outs(current_context(), gateway)


@task
def read_reply_files(gateway: str, path: str | None) -> tuple[list[str], list[str]]:
    """Read files of replies; return the lines of those that were read, and of those that were refused."""
    return reply_files.read_reply_files(current_context(), gateway, path)


@task(retries=2, retry_delay_seconds=[1, 3], tags=["gateway"])
def sync_reports(gateway: str) -> dict[str, int]:
    """Read delivery reports and apply them; return how many messages changed, by event."""
    return sync.sync_reports(current_context(), gateway)


@task
def plan_answers(gateway: str) -> dict[str, int]:
    """Decide once per new reply whether it gets the automatic answer, and plan the answers."""
    return auto_answers.plan_answers(current_context(), gateway)


@task
def hand_over_replies() -> int:
    """Write the replies that a person must read to the files of their campaigns, and mail them to the reply owners."""
    return owned_replies.hand_over_replies(current_context())


@task
def push_opt_outs(gateway: str) -> int:
    """Add opt-outs to the gateway's own list, where it takes them; return how many."""
    return push.push_opt_outs(current_context(), gateway)


@task
def set_auto_responder(responder: AutoResponder, actor: str) -> str:
    """Apply the settings of the auto-responder; return one line with its state and its price."""
    return auto_answers.set_auto_responder(current_context(), responder, actor)


@task(task_run_name="reset {history_name} of {gateway}")
def reset_history(gateway: str, history_name: str, actor: str, reason: str) -> str:
    """Make the next run read a history again from the beginning; return one line."""
    return history.reset_history(current_context(), gateway, history_name, actor, reason)


@task(task_run_name="{verdict} the opt-out of reply {reply_id}")
def settle_doubtful(reply_id: int, verdict: str, actor: str) -> str:
    """Settle a doubtful reply; return one line that says the consequence."""
    return reviews.settle_doubtful(current_context(), reply_id, verdict, actor)


@task
def publish_doubtful() -> str:
    """Publish the doubtful replies that are not settled, with links to settle each one, and return the page."""
    context = current_context()
    with context.transaction(read_only=True) as tx:
        replies = doubtful_replies(tx, _MAX_SHOWN)
    page = doubtful_page(replies, review_links([reply.reply_id for reply in replies]), context.settings.zone)
    publish("doubtful-replies", page, "Doubtful replies")
    return page


def send_waiting_alerts() -> None:
    """Send every open alert to each channel that has not delivered it and may be tried now."""
    alerts.send_waiting_alerts(current_context())
