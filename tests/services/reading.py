"""How the use cases convert and keep what a history brings."""

from collections.abc import Callable
from functools import partial
from typing import Any

from campanile.services.context import Context
from campanile.services.inbound import sync


def readers(context: Context) -> dict[str, tuple[Callable[[Any], Any], Callable[..., int]]]:
    """Return how an item of each history is converted, and how the rows are kept, as in ``sync``."""
    return {
        "replies": (partial(sync._reply_row, context), partial(sync._keep_replies, context)),
        "opt_outs": (partial(sync._opt_out_row, context), sync._keep_opt_outs),
        "reports": (sync._as_it_is, sync._keep_reports),
    }
