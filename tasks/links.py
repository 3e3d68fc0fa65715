"""What can be done next with a campaign: a form that is filled in already, or the command to type."""

import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import quote

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterName
from prefect.utilities.urls import url_for

from sms.wording import amount_text, count_text
from tasks.prefect_calls import BREAKER, PrefectAway

#: What each deployment is for: the link's title, and what follows from it.
_STEPS = {
    "approve-campaign": ("Approve", "locks it under this hash: {figures}; it leaves at its hour."),
    "send-test": ("Send a test", "one message to each of your own numbers, with a real recipient's fields."),
    "revise-campaign": ("Revise", "changes only what you fill in; it must be approved anew."),
    "cancel-campaign": ("Cancel", "nothing more leaves."),
}
#: What has no sense where nobody gets a message, or where the recap is stale.
_NEEDS_MESSAGES = ("approve-campaign", "send-test")
_REVISES, _LISTS = "revise-campaign", "manage-list"
_DECIDES = "resolve-unknown"
#: What a person may decide on messages whose fate nobody knows: the link's title, and what follows from it.
_DECISIONS = {
    "write_off": ("Write them off", "they count as not sent, and their credit is free; nobody gets one twice."),
    "resend": ("Send them again", "whoever had got one gets it twice."),
}
_REVIEWS = "review-replies"
#: What a person may make of a doubtful reply: the link's title, and what follows from it.
_REVIEW_VERDICTS = {
    "lift": ("Lift", "it is no refusal; the person may be written to again."),
    "keep": ("Keep", "it is a refusal; the person stays opted out."),
}


@dataclass(frozen=True, slots=True)
class RunLink:
    """One thing to do: the address of its form in the UI, None without a server, and the command that does the same."""

    title: str
    words: str
    address: str | None
    command: str


class NextStep(NamedTuple):
    """One thing that may be done next: a flow, the link's title, what follows from it, and what is filled in."""

    flow: str
    title: str
    words: str
    parameters: Mapping[str, Any]


def step_links(steps: Sequence[NextStep]) -> list[RunLink]:
    """Return steps as links; without a server that answers, as commands."""
    try:
        pages = BREAKER.call(partial(_deployment_pages, [step.flow for step in steps])) if steps else {}
    except PrefectAway:
        pages = {}
    return [_link(pages.get(step.flow), *step) for step in steps]


def run_links(campaign: Mapping[str, Any], recap: Mapping[str, Any], undeclared: Iterable[str] = ()) -> list[RunLink]:
    """Return the next steps of a campaign, to approve it only where somebody gets a message and it is not stale.

    Args:
        campaign: its row.
        recap: the row of its newest recap.
        undeclared: its lists without a legal basis, which must be declared first.
    """
    pages, parameters = _deployment_pages([*_STEPS, _LISTS]), next_parameters(campaign, recap)
    is_approvable = recap["message_count"] and not campaign.get("stale_reason")
    steps = {step: texts for step, texts in _STEPS.items() if is_approvable or step not in _NEEDS_MESSAGES}
    found = [_basis_link(pages, name) for name in undeclared]
    figures = approval_figures(recap)
    for step, (title, words) in steps.items():
        found.append(_link(pages.get(step), step, title, words.format(figures=figures), parameters[step]))
    again = {"campaign": campaign["name"], "author": "", "prepare_again": True}
    words = "reads lists, prices and hours anew and changes nothing else; a recap that is stale is refreshed so."
    return [*found, _link(pages.get(_REVISES), _REVISES, "Prepare again", words, again)]


def approval_figures(recap: Mapping[str, Any]) -> str:
    """Return what somebody approves with a recap: how many messages, and what they cost."""
    return f"{count_text(recap['message_count'], 'message')}, {amount_text(recap['total_price'], recap['unit'])}"


def basis_links(list_names: Iterable[str]) -> list[RunLink]:
    """Return the link by which the legal basis of each list is declared."""
    names = list(list_names)
    pages = _deployment_pages([_LISTS]) if names else {}
    return [_basis_link(pages, name) for name in names]


def _basis_link(pages: Mapping[str, str], list_name: str) -> RunLink:
    parameters = {"list_name": list_name, "action": "declare", "legal_basis": "", "name": ""}
    words = "say why its people may be written to: they agreed (consent), bought something alike (customer) …"
    return _link(pages.get(_LISTS), _LISTS, f"Declare the legal basis of {list_name}", words, parameters)


def decision_links(campaign: str) -> list[RunLink]:
    """Return what may be decided on the unknown messages of a campaign."""
    try:
        page = BREAKER.call(partial(_deployment_pages, [_DECIDES])).get(_DECIDES)
    except PrefectAway:
        page = None
    empty = {"name": "", "reason": ""}
    return [
        _link(page, _DECIDES, *texts, {"campaign": campaign, "decision": decision} | empty)
        for decision, texts in _DECISIONS.items()
    ]


def review_links(reply_ids: Iterable[int]) -> dict[int, list[RunLink]]:
    """Return what a person may make of each doubtful reply."""
    page = _deployment_pages([_REVIEWS]).get(_REVIEWS)
    return {
        reply_id: [
            _link(page, _REVIEWS, *texts, {"reply_id": reply_id, "verdict": verdict, "actor": ""})
            for verdict, texts in _REVIEW_VERDICTS.items()
        ]
        for reply_id in reply_ids
    }


def draw_links(links: Iterable[RunLink]) -> list[str]:
    """Return links to filled forms, or without a server the commands to type, as parts of a page."""
    links = list(links)
    forms = "\n".join(f"- **[{link.title}]({link.address})**: {link.words}" for link in links if link.address)
    commands = "\n\n".join(f"# {link.title}: {link.words}\n{link.command}" for link in links if not link.address)
    return [part for part in (forms, f"```\n{commands}\n```" if commands else "") if part]


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


def next_parameters(campaign: Mapping[str, Any], recap: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what is known of each step; whoever fills in the form adds the rest."""
    named = {"campaign": campaign["name"]}
    text = json.loads(campaign["draft"])["text"]
    return {
        "approve-campaign": named
        | {"recap_hash": campaign["recap_hash"][:8], "approver": "", "figures": approval_figures(recap)},
        "send-test": named | {"numbers": []},
        "revise-campaign": named | {"author": "", "text": text},
        "cancel-campaign": named | {"reason": ""},
    }


def _link(page: str | None, step: str, title: str, words: str, parameters: Mapping[str, Any]) -> RunLink:
    return RunLink(title, words, page and form_address(page, parameters), command(step, parameters))


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
