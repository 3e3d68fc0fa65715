"""The figures in the approval's form are those that are approved; an unreadable balance is reported."""

from collections.abc import Callable

import pytest

from campanile.pages.recap_views import RecapView
from campanile.pages.views import view_of
from campanile.pages.words import approval_figures
from campanile.services.campaigns.approval import _check_figures
from campanile.services.campaigns.read_recap import with_newest_balance
from campanile.services.context import Context
from campanile.sms.errors import CampaignError
from schemas.billing_rows import Credit
from tests.pages.test_recap import credit, recap_view
from tests.rows import recap

FIGURES = approval_figures(recap())


@pytest.mark.parametrize("given", ["", " ", FIGURES, "1 510  messages,\n118.61 EUR "])
def test_figures_of_the_recap_or_none_are_approved(given: str) -> None:
    _check_figures("soldes", given, FIGURES)


@pytest.mark.parametrize("given", ["1 509 messages, 118.61 EUR", "1 510 messages, 118.60 EUR", "yes"])
def test_other_figures_are_refused(given: str) -> None:
    with pytest.raises(CampaignError, match=r"are not those of the latest recap of soldes, which are 1 510 messages"):
        _check_figures("soldes", given, FIGURES)


@pytest.mark.parametrize("known", [None, credit(100), credit(400)], ids=["never read", "too low", "high enough"])
def test_a_balance_that_cannot_be_read_says_why(make_context: Callable[..., Context], known: Credit | None) -> None:
    """It is asked again unless it is known to be high enough; what is known stays."""
    view = view_of(RecapView, recap_view(credit=known))
    found = with_newest_balance(make_context(sandbox_url="http://127.0.0.1:9"), view)
    assert found.credit == known
    if known is None:
        assert str(found.balance_error).startswith("The balance cannot be read: ")
        assert "\n" not in str(found.balance_error)
    else:
        assert found.balance_error is None
