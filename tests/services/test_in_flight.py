"""Why an answer of the gateway does not tell what became of its messages."""

import pytest

from campanile.services.sending.in_flight import strange_reason
from campanile.sms.errors import GatewayAmbiguous, GatewayError, GatewayUnreachable
from schemas.gateway import Outcome, SubmitOutcome


def outcomes(*each: Outcome, reason: str | None = None) -> list[SubmitOutcome]:
    return [SubmitOutcome(f"ref-{number}", outcome, reason=reason) for number, outcome in enumerate(each)]


@pytest.mark.parametrize(
    ("found", "error", "reason"),
    [
        pytest.param([], GatewayAmbiguous("reset by peer"), "reset by peer", id="an error that leaves it open"),
        pytest.param([], GatewayUnreachable("refused"), None, id="an error that settles it"),
        pytest.param(outcomes(Outcome.UNKNOWN, Outcome.ACCEPTED), None, None, id="it tells of one"),
        pytest.param(outcomes(Outcome.UNKNOWN, reason="two ids"), None, "two ids", id="it gave a reason"),
        pytest.param(
            outcomes(Outcome.UNKNOWN, Outcome.UNKNOWN),
            None,
            "the last one has no outcome for its 2 messages",
            id="no error and no reason",
        ),
        pytest.param([], None, None, id="nothing was sent"),
    ],
)
def test_the_reason_is_never_none_in_words(
    found: list[SubmitOutcome], error: GatewayError | None, reason: str | None
) -> None:
    assert strange_reason(found, error) == reason
