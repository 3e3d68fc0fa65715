"""Settings that hold secrets: read into what they mean, and never shown."""

import sys

import pytest
from pydantic import SecretStr

from campanile.services.approver_secrets import parse_secrets
from campanile.services.settings import read_settings
from campanile.sms.errors import ConfigurationError
from campanile.sms.schedule.timezones import zone_of


@pytest.mark.parametrize(
    ("listed", "secrets"),
    [
        pytest.param("Ada=only Ada knows", {"ada": "only Ada knows"}, id="one"),
        pytest.param(" Ada = a , Grace=b ", {"ada": "a", "grace": "b"}, id="two, with spaces"),
        pytest.param("Ada=dGVzdA==", {"ada": "dGVzdA=="}, id="signs of equality in the secret"),
        pytest.param("Élodie=a", {"élodie": "a"}, id="a name with an accent"),
    ],
)
def test_each_approver_has_a_secret(listed: str, secrets: dict[str, str]) -> None:
    assert parse_secrets(SecretStr(listed)) == secrets


def test_none_is_none() -> None:
    assert parse_secrets(None) == {}


@pytest.mark.parametrize(
    ("listed", "line"),
    [
        pytest.param("hidden", "it must be a name and a secret for each approver", id="no name"),
        pytest.param("Ada=", "it must be a name and a secret for each approver", id="no secret"),
        pytest.param("Ada=hidden,", "it must be a name and a secret for each approver", id="a comma too many"),
        pytest.param("Ada=hidden, ADA=hidden", "it names ADA twice", id="a name twice"),
    ],
)
def test_a_wrong_list_is_one_line_without_secrets(monkeypatch: pytest.MonkeyPatch, listed: str, line: str) -> None:
    monkeypatch.setenv("SMS_APPROVER_SECRETS", listed)
    with pytest.raises(ConfigurationError, match=f"^wrong settings: SMS_APPROVER_SECRETS=…: {line}[^\\n]*$") as caught:
        read_settings()
    assert "hidden" not in str(caught.value)


def test_without_a_tz_database_nothing_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tzdata", None)
    zone_of.cache_clear()
    line = r"^wrong settings: SMS_TEAM_ZONE='Europe/Paris': the tz database is missing [^\n]*$"
    with pytest.raises(ConfigurationError, match=line):
        read_settings()


@pytest.mark.parametrize(
    ("claim_seconds", "deadline", "is_taken"),
    [
        pytest.param("30", "20", True, id="as they ship"),
        pytest.param("40", "20", True, id="as long as adapters reckon with"),
        pytest.param("40", "20.5", False, id="a message would outlive its offer"),
    ],
)
def test_a_claim_is_never_longer_than_adapters_reckon_with(
    monkeypatch: pytest.MonkeyPatch, claim_seconds: str, deadline: str, is_taken: bool
) -> None:
    monkeypatch.setenv("SMS_CLAIM_SECONDS", claim_seconds)
    monkeypatch.setenv("SMS_GATEWAY_DEADLINE_SECONDS", deadline)
    if is_taken:
        assert read_settings().claim_seconds == float(claim_seconds)
        return
    with pytest.raises(ConfigurationError, match=r"SMS_CLAIM_SECONDS \(40\) and .* \(20\.5\) must not be more than 60"):
        read_settings()
