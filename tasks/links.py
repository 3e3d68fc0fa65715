"""What can be done next with a campaign: a form that is filled in already, or the command to type."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterName
from prefect.utilities.urls import url_for

#: What each deployment is for: the link's title, and what follows from it.
_STEPS = {
    "approve-campaign": ("Approve", "locks it under this hash; it leaves at its hour."),
    "send-test": ("Send a test", "one message to each of your own numbers, with a real recipient's fields."),
    "revise-campaign": ("Revise", "changes only what you fill in; it must be approved anew."),
    "cancel-campaign": ("Cancel", "nothing more leaves."),
}


@dataclass(frozen=True, slots=True)
class RunLink:
    """One thing to do: the address of its form in the UI, None without a server, and the command that does the same."""

    title: str
    words: str
    address: str | None
    command: str


def run_links(campaign: Mapping[str, Any]) -> list[RunLink]:
    """Return the next steps of a campaign, a row of its table."""
    pages, parameters = _deployment_pages(list(_STEPS)), next_parameters(campaign)
    return [
        RunLink(
            title,
            words,
            address=form_address(pages[step], parameters[step]) if step in pages else None,
            command=command(step, parameters[step]),
        )
        for step, (title, words) in _STEPS.items()
    ]


def form_address(page: str, parameters: Mapping[str, Any]) -> str:
    """Return the address of a deployment's form with these parameters filled in.

    Prefect's UI decodes them twice, once as an address and once itself: a lone % would break the form, so it is
    written as %25 before all is encoded.
    """
    values = json.dumps(parameters, ensure_ascii=False).replace("%", "%25")
    return f"{page}/run?parameters={quote(values, safe='')}"


def command(flow: str, parameters: Mapping[str, Any]) -> str:
    """Return the command that runs a flow without a server, in one line that is safe to paste into a shell.

    >>> command("cancel-campaign", {"campaign": "soldes", "reason": "no stock"})
    ".venv/bin/python -m flows cancel-campaign campaign=soldes 'reason=no stock'"
    """
    words = (shlex.quote(f"{name}={_typed(value)}") for name, value in parameters.items())
    return " ".join([".venv/bin/python -m flows", flow, *words])


def next_parameters(campaign: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what is known of each step; whoever fills in the form adds the rest."""
    named = {"campaign": campaign["name"]}
    text = json.loads(campaign["draft"])["text"]
    return {
        "approve-campaign": named | {"recap_hash": campaign["recap_hash"][:8], "approver": ""},
        "send-test": named | {"numbers": []},
        "revise-campaign": named | {"author": "", "text": text},
        "cancel-campaign": named | {"reason": ""},
    }


def _typed(value: object) -> str:
    """Return a value as ``tasks.command_line`` reads it: a text to the letter, in YAML's quotes where it needs them."""
    if not isinstance(value, str):
        return json.dumps(value)
    if value.isprintable() and not value.startswith(('"', "'")):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(sign if sign.isprintable() else f"\\U{ord(sign):08x}" for sign in escaped) + '"'


def _deployment_pages(names: list[str]) -> dict[str, str]:
    """Return the page of each deployment that this server has; none when it has no UI."""
    wanted = DeploymentFilter(name=DeploymentFilterName(any_=names))
    with get_client(sync_client=True) as client:
        found = client.read_deployments(deployment_filter=wanted)
    pages = {deployment.name: url_for("deployment", deployment.id) for deployment in found}
    return {name: page for name, page in pages.items() if page is not None}
