"""Replies, opt-outs and delivery reports of gateways; the auto-responder; doubtful replies."""

from prefect import task

from campanile.pages.reviews import doubtful_page
from campanile.services.billing import alerts
from campanile.services.inbound import auto_answers, history, owned_replies, reply_files, reviews, sync
from campanile.services.inbound import push_opt_outs as push
from campanile.store.contacts.opt_outs import doubtful_replies
from tasks.artifacts import publish
from tasks.context import GATEWAY_READ, as_task, current_context
from tasks.run_links import review_links

#: How many replies one page shows.
_MAX_SHOWN = 50

sync_opt_outs = as_task(sync.sync_opt_outs, **GATEWAY_READ)
read_reply_files = as_task(reply_files.read_reply_files)
sync_reports = as_task(sync.sync_reports, **GATEWAY_READ)
plan_answers = as_task(auto_answers.plan_answers)
hand_over_replies = as_task(owned_replies.hand_over_replies)
push_opt_outs = as_task(push.push_opt_outs)
set_auto_responder = as_task(auto_answers.set_auto_responder)
reset_history = as_task(history.reset_history, task_run_name="reset {name} of {gateway}")
settle_doubtful = as_task(reviews.settle_doubtful, task_run_name="{verdict} the opt-out of reply {reply_id}")


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
