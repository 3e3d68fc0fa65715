"""How the use cases convert and keep what a history brings."""

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

from campanile.services.context import Context
from campanile.services.inbound import history_rows, sync


def readers(context: Context) -> dict[str, tuple[Callable[[Any], Any], Callable[..., int]]]:
    """Return how the items of each history are converted, and how the rows are kept, as in ``sync``."""
    return {
        "replies": (partial(history_rows.reply_rows, context), partial(sync.keep_replies, context)),
        "opt_outs": (partial(history_rows.opt_out_rows, context), sync.add_provider_opt_outs),
        "reports": (history_rows.report_rows, partial(sync.keep_reports, context, Counter())),
    }
