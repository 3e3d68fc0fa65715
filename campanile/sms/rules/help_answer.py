"""HELP: a person asks who writes, and gets the identity of the editor, also while the auto-responder is off."""

from datetime import datetime, timedelta

from campanile.sms.rules.auto_reply import AutoResponder, ReplyFacts

NO_IDENTITY = "no_identity"


def decide_help(
    reply: ReplyFacts, has_identity: bool, responder: AutoResponder, at: datetime, max_age: timedelta
) -> str:
    """Return ``planned`` if a HELP gets the identity, else the one reason why not.

    The switch, ``once_per`` and the daily cap of the auto-responder do not apply: a person may ask who writes. The cap
    of answers to one person does, so that two machines do not go on for ever.

    Args:
        reply: what is known of it.
        has_identity: whether the team has set the identity.
        responder: the settings of the team.
        at: now.
        max_age: an older reply gets no answer.
    """
    bars = (
        (reply.is_opted_out, "opted_out"),
        (reply.is_own, "own_number"),
        (reply.number_id is None, "not_a_mobile"),
        (not reply.is_allowed, "country_not_allowed"),
        (not has_identity, NO_IDENTITY),
        (at - reply.counts_at > max_age, "too_old"),
        (reply.answer_count >= responder.person_cap, "person_capped"),
    )
    return next((reason for is_barred, reason in bars if is_barred), "planned")
