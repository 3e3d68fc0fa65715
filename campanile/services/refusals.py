"""Log refusals: one line, marked, so that a command does not print twice what it prints itself."""

from campanile.services.context import Log

REFUSAL_MARK = "is_refusal"


def log_refusal(log: Log, line: str) -> None:
    """Log what was refused, as an error of the current run."""
    log.error("%s", line, extra={REFUSAL_MARK: True})
