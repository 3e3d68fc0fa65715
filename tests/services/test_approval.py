"""The figures in the approval's form are those that are approved; an unreadable balance is reported."""

from collections.abc import Callable

import pytest

from campanile.pages.words import approval_figures
from campanile.services.campaigns.approval import _check_figures
from campanile.services.campaigns.read_recap import first_reading
from campanile.services.context import Context
from campanile.sms.errors import CampaignError
from tests.rows import recap

FIGURES = approval_figures(recap())


@pytest.mark.parametrize("given", ["", " ", FIGURES, "1 510  messages,\n118.61 EUR "])
def test_figures_of_the_recap_or_none_are_approved(given: str) -> None:
    _check_figures("soldes", given, FIGURES)


@pytest.mark.parametrize("given", ["1 509 messages, 118.61 EUR", "1 510 messages, 118.60 EUR", "yes"])
def test_other_figures_are_refused(given: str) -> None:
    with pytest.raises(CampaignError, match=r"are not those of the latest recap of soldes, which are 1 510 messages"):
        _check_figures("soldes", given, FIGURES)


def test_a_balance_that_cannot_be_read_says_why(make_context: Callable[..., Context]) -> None:
    found = first_reading(make_context(sandbox_url="http://127.0.0.1:9"), "sandbox")
    assert found.credit is None
    assert str(found.balance_error).startswith("The balance cannot be read: ")
    assert "\n" not in str(found.balance_error)
