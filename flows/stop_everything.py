"""The red button: hold every campaign at once."""

from tasks.control import hold_all
from tasks.refusals import flow
from tasks.run_pages import publish_stopped


@flow(name="stop-everything")
def stop_everything(name: str, reason: str) -> str:
    """Pause every campaign that is on its way, marketing and alerts; resume-campaign lets each go on by itself.

    Automatic answers, notices to the team and tests still leave: configure-auto-responder switches the answers off.

    Args:
        name: Who stops it all.
        reason: Why, for the history.
    """
    line = hold_all(name, reason)
    publish_stopped(line)
    return line
