"""Explain one number: for an angry customer, or for a request of access."""

from tasks.persons import publish_explanation
from tasks.refusals import flow


@flow(name="explain-number")
def explain_number(number: str) -> str:
    """Show where a person comes from, each campaign they got or not and why, their replies and opt-outs.

    The page among the artifacts has the number masked and no texts. Everything is in files in `data/exports/persons/`:
    a page to read, and a signed JSON if SMS_EVIDENCE_KEY is set.

    Args:
        number: The number, in any usual form. Prefect stores it as a parameter of the run.
    """
    return publish_explanation(number)
