"""What stands in the approval's form is what is approved; and a balance that cannot be read is told as such."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

import tasks.settings
from sms.errors import CampaignError
from tasks.approve import _refuse_figures
from tasks.clock import clock_offset
from tasks.house import gateway_named
from tasks.links import approval_figures
from tasks.recaps import _first_reading

FIGURES = approval_figures({"message_count": 1510, "total_price": Decimal("118.610000"), "unit": "EUR"})


@pytest.mark.parametrize("given", ["", " ", FIGURES, "1 510  messages,\n118.61 EUR "])
def test_figures_of_the_recap_or_none_are_approved(given: str) -> None:
    _refuse_figures("soldes", given, FIGURES)


@pytest.mark.parametrize("given", ["1 509 messages, 118.61 EUR", "1 510 messages, 118.60 EUR", "yes"])
def test_other_figures_are_refused(given: str) -> None:
    with pytest.raises(CampaignError, match=r"are not those of the latest recap of soldes, which are 1 510 messages"):
        _refuse_figures("soldes", given, FIGURES)


@pytest.fixture
def dead_gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "sandbox.csv").write_text("country,price,unit\nFR,0.0485,EUR\n", encoding="utf-8")
    caches = (tasks.settings.settings, clock_offset, gateway_named)
    names = {"DATA_DIR": tmp_path, "TARIFF_DIR": tmp_path, "SANDBOX_URL": "http://127.0.0.1:9"}
    for name, value in names.items():
        monkeypatch.setenv(f"SMS_{name}", str(value))
    for cached in caches:
        cached.cache_clear()
    yield
    for cached in caches:
        cached.cache_clear()


@pytest.mark.usefixtures("dead_gateway")
def test_a_balance_that_cannot_be_read_says_why() -> None:
    found = _first_reading("sandbox")
    assert list(found) == ["balance_error"]
    assert found["balance_error"].startswith("The balance cannot be read: ")
    assert "\n" not in found["balance_error"]
