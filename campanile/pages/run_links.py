"""Next steps of a campaign: a link to a form that is already filled in, or the command to type."""

import json
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import quote

from campanile.pages.words import approval_figures
from schemas.campaign_rows import Campaign
from schemas.recap_rows import Recap

#: For each deployment the title of the link, and its effect.
STEPS = {
    "approve-campaign": ("Approve", "locks it under this hash: {figures}; it is sent at its hour."),
    "send-test": ("Send a test", "one message to each of your own numbers, with a real recipient's fields."),
    "revise-campaign": ("Revise", "changes only what you fill in; it must be approved again."),
    "cancel-campaign": ("Cancel", "no more messages are sent."),
}
#: Steps that are offered only when the campaign has messages and its recap is not stale.
NEEDS_MESSAGES = ("approve-campaign", "send-test")
#: Decisions on messages with an unknown outcome: the title of the link, and its effect.
DECISIONS = {
    "write_off": ("Write them off", "they count as not sent, and their credit is free; no person gets one twice."),
    "resend": ("Send them again", "a person who got one gets it twice."),
}
#: Decisions on a doubtful reply: the title of the link, and its effect.
REVIEW_VERDICTS = {
    "lift": ("Lift", "it is no refusal; the person may get messages again."),
    "keep": ("Keep", "it is a refusal; the person stays opted out."),
}


@dataclass(frozen=True, slots=True)
class RunLink:
    """One next step: the address of its form in the UI, None without a server, and the command that does the same."""

    title: str
    words: str
    address: str | None
    command: str


class NextStep(NamedTuple):
    """One next step: a flow, the title of the link, its effect, and the parameters that are filled in."""

    flow: str
    title: str
    words: str
    parameters: Mapping[str, Any]


TOP_UP = NextStep("record-top-up", "Record a top-up", "for a gateway that does not report its balance.", {})
CHECK_BALANCE = NextStep("check-balance", "Check the balance", "reads it again, and alerts where it is critical.", {})
BALANCE_ALERT = NextStep(
    "configure-balance-alert", "Set the alert", "below which balance the team is told, and who is told how.", {}
)
REVIEW = NextStep("review-replies", "Review replies", "lists those that may be a refusal, for a person to settle.", {})
READ_REPLIES = NextStep("process-replies", "Read replies", "honours each STOP, then answers the others.", {})
READ_REPORTS = NextStep("collect-delivery-reports", "Read delivery reports", "updates the states of messages.", {})
RESPONDER = NextStep(
    "configure-auto-responder", "Set the automatic answer", "to every reply but refusals and machines.", {}
)
RESPONDER_OFF = NextStep(
    "configure-auto-responder", "Switch it off", "replies are kept and get no answer.", {"enabled": False}
)
EXPORT_OPT_OUTS = NextStep("export-opt-outs", "Export all opt-outs", "with their proof, as a CSV.", {})
OPT_OUT = NextStep("record-opt-out", "Record an opt-out", "no campaign writes to the number any more.", {})
ERASE = NextStep(
    "erase-person", "Erase this person", "what identifies them is deleted; the number stays opted out.", {}
)
EXPLAIN = NextStep(
    "explain-number", "Explain a number", "what is stored about it, and each campaign with its reason.", {}
)
OPT_OUT_AGAIN = NextStep("record-opt-out", "Record another", "it applies at once, to every campaign.", {})


def resume_step(name: str) -> NextStep:
    """Return the step that resumes a paused campaign."""
    parameters = {"campaign": name, "actor": ""}
    return NextStep("resume-campaign", f"Resume {name}", "at once if its time has come.", parameters)


def approved_steps(campaign: Campaign) -> list[NextStep]:
    """Return the next steps of an approved campaign: change it, or cancel it."""
    parameters = {
        "revise-campaign": {"campaign": campaign.name, "actor": "", "text": campaign.text},
        "cancel-campaign": {"campaign": campaign.name, "reason": ""},
    }
    return [NextStep(flow, *STEPS[flow], values) for flow, values in parameters.items()]


def recap_steps(
    campaign: Campaign, recap: Recap, undeclared: Iterable[str] = (), *, is_short: bool = False
) -> list[NextStep]:
    """Return the next steps of a campaign; it is approved or tested only where it has messages and is not stale.

    Args:
        campaign: the campaign.
        recap: its newest recap.
        undeclared: its lists without a legal basis, which must be declared first.
        is_short: credit is missing: a top-up is offered in place of the approval.
    """
    figures, parameters = approval_figures(recap), next_parameters(campaign, recap)
    is_approvable = recap.message_count and not campaign.stale_reason
    steps = {flow: texts for flow, texts in STEPS.items() if is_approvable or flow not in NEEDS_MESSAGES}
    if is_short:  # guard(2): no-approval-offered
        steps.pop("approve-campaign", None)
    after_top_up = [CHECK_BALANCE._replace(parameters={"gateway": campaign.gateway}), TOP_UP] if is_short else []
    again = {"campaign": campaign.name, "actor": "", "prepare_again": True}
    words = "reads lists, prices and hours again and changes nothing else; do this when a recap is stale."
    return [
        *map(basis_step, undeclared),
        *after_top_up,
        *(
            NextStep(flow, title, words.format(figures=figures), parameters[flow])
            for flow, (title, words) in steps.items()
        ),
        NextStep("revise-campaign", "Prepare again", words, again),
    ]


def basis_step(list_name: str) -> NextStep:
    """Return the step that declares the legal basis of a list."""
    parameters = {"list_name": list_name, "action": "declare", "legal_basis": "", "actor": ""}
    words = "say why its people may get messages: they agreed (consent), bought something similar (customer) …"
    return NextStep("manage-list", f"Declare the legal basis of {list_name}", words, parameters)


def decision_steps(campaign: str) -> list[NextStep]:
    """Return the decisions on the unknown messages of a campaign."""
    empty = {"actor": "", "reason": ""}
    return [
        NextStep("resolve-unknown", *texts, {"campaign": campaign, "decision": decision} | empty)
        for decision, texts in DECISIONS.items()
    ]


def review_steps(reply_id: int) -> list[NextStep]:
    """Return the decisions on a doubtful reply."""
    return [
        NextStep("review-replies", *texts, {"reply_id": reply_id, "verdict": verdict, "actor": ""})
        for verdict, texts in REVIEW_VERDICTS.items()
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


def next_parameters(campaign: Campaign, recap: Recap) -> dict[str, dict[str, Any]]:
    """Return the known parameters of each step; the person adds the others in the form."""
    named = {"campaign": campaign.name}
    return {
        "approve-campaign": named
        | {"recap_hash": recap.recap_hash[:8], "actor": "", "figures": approval_figures(recap)},
        "send-test": named | {"numbers": []},
        "revise-campaign": named | {"actor": "", "text": campaign.text},
        "cancel-campaign": named | {"reason": ""},
    }


def run_link(page: str | None, step: str, title: str, words: str, parameters: Mapping[str, Any]) -> RunLink:
    """Return one step as a link to its form, and as a command."""
    return RunLink(title, words, page and form_address(page, parameters), command(step, parameters))


def _typed(value: object) -> str:
    """Return a value as ``cli_args`` reads it: a text to the letter, in YAML's quotes where it needs them."""
    if not isinstance(value, str):
        return json.dumps(value)
    if value.isprintable() and not value.startswith(('"', "'")):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(sign if sign.isprintable() else f"\\U{ord(sign):08x}" for sign in escaped) + '"'
