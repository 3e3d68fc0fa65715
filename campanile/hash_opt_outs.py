"""``python -m campanile.hash_opt_outs <your name>``: keep opt-outs as keyed hashes from now on.

Set ``SMS_SUPPRESSION=hmac`` and ``SMS_SUPPRESSION_KEY`` first, and stop Campanile. There is no way back.
"""

import sys

from campanile.services.contacts.hash_opt_outs import Switched, switch_to_hashes
from campanile.services.settings import read_settings
from campanile.sms.errors import CampaignError, SmsError
from campanile.sms.text.formatting import count_text

USAGE = "python -m campanile.hash_opt_outs <your name>"


def main(arguments: list[str]) -> str:
    """Switch the store of the settings; return the lines to show.

    Raises:
        SmsError: the line says why nothing, or not everything, was done.
    """
    if len(arguments) != 1:
        raise CampaignError(f"give your name: {USAGE}")
    return "\n".join(_lines(switch_to_hashes(read_settings(), arguments[0])))


def _lines(found: Switched) -> list[str]:
    done = "the store keeps hashes already; its file is written anew"
    if found.opt_out_count is not None:
        done = (
            f"the store keeps keyed hashes from now on: {count_text(found.opt_out_count, 'opt-out')} without a number. "
            "Keep SMS_SUPPRESSION_KEY outside the data folder and its backups; without it nothing can be sent"
        )
    copies = [f"switched too: {copy}" for copy in found.copies]
    return [done, *copies, *(f"still has numbers: {rest}" for rest in found.remaining)]


if __name__ == "__main__":
    try:
        sys.stdout.write(main(sys.argv[1:]) + "\n")
    except SmsError as refusal:
        sys.exit(str(refusal))
