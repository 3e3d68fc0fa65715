"""Export all opt-outs with their proof."""

from tasks.contacts import export_opt_outs as export
from tasks.outcome_pages import publish_outcome
from tasks.refusals import flow


@flow(name="export-opt-outs")
def export_opt_outs() -> str:
    """Write every opt-out to a CSV: number, source, time, text, id, campaign; when, by whom and why it ended."""
    line = export()
    publish_outcome("opt-outs", line)
    return line
