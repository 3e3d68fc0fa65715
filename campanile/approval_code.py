"""``python -m campanile.approval_code <recap_hash>``: the code that an approver gives with a recap's hash.

It runs on the approver's own machine: the secret is asked for and goes nowhere, neither into the history of the shell
nor into a run's parameters. It may also come by standard input.
"""

import sys
from getpass import getpass

from campanile.file_permissions import keep_private
from campanile.sms.errors import CampaignError
from campanile.sms.rules.approval_code import approval_code

USAGE = "python -m campanile.approval_code <recap_hash>, with all its 64 digits"


def main(arguments: list[str]) -> str:
    """Ask for the secret and return the code; what is wrong is raised as the line to show.

    Raises:
        CampaignError: no whole hash was given, or an empty secret.
    """
    if len(arguments) != 1:
        raise CampaignError(f"give one recap hash: {USAGE}")
    recap_hash = arguments[0].strip().lower()
    approval_code("", recap_hash)  # a wrong hash is told before the secret is asked for
    secret = getpass("Your secret: ") if sys.stdin.isatty() else sys.stdin.readline()
    if not secret.strip():
        raise CampaignError("no secret was given; it is yours in SMS_APPROVER_SECRETS")
    return approval_code(secret.strip(), recap_hash)


if __name__ == "__main__":
    keep_private()
    try:
        sys.stdout.write(main(sys.argv[1:]) + "\n")
    except CampaignError as refusal:
        sys.exit(str(refusal))
