"""Push opt-outs to the provider's own list, where it takes them, so that its other users and tools spare them too."""

import pandas as pd

from campanile.services.context import Context
from campanile.sms.errors import GatewayError
from schemas.contact_rows import UnpushedOptOut
from schemas.gateway import TakesOptOuts

#: Requests of one run: a file with many opt-outs is pushed by several runs.
_MOST_REQUESTS = 20


def push_opt_outs(context: Context, gateway: str) -> int:
    """Add the opt-outs that a gateway does not have yet to its list; return how many.

    Each is recorded after the gateway has taken it. If that is not known, it is pushed again by the next run: the list
    of the provider has a number once. A gateway that fails does not fail the run. With ``SMS_SUPPRESSION=hmac`` none is
    added, because no number is known.
    """
    manifest, found = context.manifest(gateway), context.gateway(gateway)
    if not (context.settings.push_opt_outs and manifest.takes_opt_outs and isinstance(found, TakesOptOuts)):
        return 0
    if context.settings.opt_out_key is not None:
        context.log.info("%s: opt-outs are kept as keyed hashes, so none is added to its own list", gateway)
        return 0
    count = 0
    for _ in range(_MOST_REQUESTS):
        with context.transaction(read_only=True) as tx:
            rows = tx.select(UnpushedOptOut, "opt_out.to_push", gateway=gateway, most=manifest.batch_size)
        if not rows:
            break
        try:
            found.push_opt_outs([row.msisdn for row in rows])
        except GatewayError as error:
            context.log.warning("opt-outs could not be pushed to %s and are tried again: %s", gateway, error)
            break
        pushed = pd.DataFrame({"entry_id": [row.entry_id for row in rows]})
        with context.transaction() as tx:
            count += tx.run_staged("opt_out.mark_pushed", pushed, gateway=gateway, at=tx.at)
    if count:
        context.log.info("%s: %d opt-outs added to its own list", gateway, count)
    return count
