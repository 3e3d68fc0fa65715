"""Every setting, in one typed table: environment variables and ``.env``; ``SMS_X`` is the field ``x`` of ``Settings``.

What operators change while it runs (the auto-responder, a campaign) lives in the store instead, so that it has a
history. A wrong setting stops the start with one line.
"""

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from campanile.file_permissions import keep_private
from campanile.gateways.validity import ON_THE_WAY_SECONDS
from campanile.services.approver_secrets import parse_secrets
from campanile.services.gateway_settings import GatewaySettings
from campanile.sms.errors import ConfigurationError
from campanile.sms.schedule.timezones import zone_of


def _words(value: object) -> object:
    return value.replace(",", " ").split() if isinstance(value, str) else value


def _names(value: object) -> object:
    return [name.strip() for name in value.split(",") if name.strip()] if isinstance(value, str) else value


Names = Annotated[list[str], NoDecode, BeforeValidator(_names)]
Folders = Annotated[list[Path], NoDecode, BeforeValidator(_names)]
Words = Annotated[list[str], NoDecode, BeforeValidator(_words)]


ENV_FILE = Path(".env")
#: The file in the data folder with the key that ``make up`` created for its sandbox.
SANDBOX_KEY_NAME = "sandbox-key"
#: The file beside it with the secret that signs the sandbox's callbacks.
SANDBOX_CALLBACK_NAME = "sandbox-callback-secret"
#: France, its territories, and neighbours: other countries must be set, because their prices can be much higher.
ALLOWED_COUNTRIES = ("FR", "GP", "MQ", "GF", "RE", "YT", "PM", "NC", "PF", "WF", "BL", "MF", "BE", "CH", "LU", "MC")


#: Messages and replies are kept at least so long, if they are not kept for ever.
SHORTEST_RETENTION_DAYS = 31


class Settings(GatewaySettings, BaseSettings):
    """All settings; each one is in ``.env.example`` with a line of comment."""

    model_config = SettingsConfigDict(env_prefix="SMS_", env_file=ENV_FILE, extra="ignore", env_ignore_empty=True)

    data_dir: Path = Path("data")
    store_path: Path | None = None
    store_wait_seconds: float = Field(default=60, gt=0)
    store_limit_seconds: float = Field(default=600, gt=0)
    backup_dir: Path | None = None
    snapshot_numbers: Literal["pseudonym", "masked"] = "pseudonym"
    callbacks_dir: Path | None = None
    tariff_dir: Path = Path("data/tariffs")
    samples_dir: Path = Path("data/samples")
    file_dirs: Folders = []
    team_zone: str = "Europe/Paris"
    date_order: Literal["day_first", "month_first"] = "day_first"
    region: str = Field(default="FR", pattern=r"^[A-Z]{2}$")
    allowed_countries: Words = list(ALLOWED_COUNTRIES)
    alsace_moselle: Literal["all_mainland", "by_postcode"] = "all_mainland"
    inbox_quiet_seconds: float = Field(default=5, ge=0)
    max_file_mb: int = Field(default=200, gt=0)
    parser_memory_mb: int = Field(default=2048, ge=512)
    parser_seconds: float = Field(default=600, gt=0)
    warm_runs: bool = True

    gateway: str = "sandbox"
    gateway_deadline_seconds: float = Field(default=20, gt=0)
    allow_local_providers: bool = False

    slice_size: int = Field(default=500, gt=0)
    concurrency: int | None = Field(default=None, gt=0)
    segments_per_second: float | None = Field(default=None, gt=0)
    claim_seconds: float = Field(default=30, gt=0)
    lease_seconds: float = Field(default=90, gt=0)
    settle_seconds: float = Field(default=5, ge=0)
    settle_wait_seconds: float = Field(default=60, ge=0)
    window_margin_seconds: float = Field(default=120, ge=0)
    refusals_before_parking: int = Field(default=5, gt=0)
    strange_answers_before_pause: int = Field(default=5, gt=0)
    wake_up_minutes: float = Field(default=60, gt=0)
    clock_margin_seconds: float = Field(default=120, ge=0)
    progress_seconds: float = Field(default=15, gt=0)
    replies_max_age_seconds: float = Field(default=900, gt=0)
    history_pages: int = Field(default=2000, gt=0)
    history_seconds: float = Field(default=240, gt=0)
    dead_after_absences: int = Field(default=3, ge=0)
    dead_weeks: float = Field(default=4, ge=0)
    own_numbers: Words = []
    answers_min_balance: Decimal = Field(default=Decimal(10), ge=0)
    reply_sender_id: str = "36180"
    reply_max_age_hours: float = Field(default=24, gt=0)
    push_opt_outs: bool = True
    editor_identity: str | None = Field(default=None, max_length=612)

    keep_messages_days: int = Field(default=0, ge=0)
    keep_replies_days: int = Field(default=0, ge=0)
    keep_files_days: int = Field(default=0, ge=0)
    keep_backups_days: int = Field(default=0, ge=0)
    keep_runs_days: int = Field(default=30, ge=0)
    evidence_key: SecretStr | None = Field(default=None, min_length=32)
    suppression: Literal["plain", "hmac"] = "plain"
    suppression_key: SecretStr | None = Field(default=None, min_length=32)

    brand: str | None = None
    recap_max_age_hours: float = Field(default=72, gt=0)
    approvers: Names = []
    four_eyes: bool = False
    approver_secrets: SecretStr | None = None

    price_tolerance_percent: Decimal = Field(default=Decimal(1), ge=0)
    price_limit_percent: Decimal = Field(default=Decimal(20), ge=0)
    balance_difference_limit: Decimal = Field(default=Decimal(100), ge=0)
    balance_critical: Decimal = Field(default=Decimal("20"), ge=0)
    balance_read_seconds: float = Field(default=300, gt=0)
    alert_numbers: Words = []
    alert_gateway: str | None = None
    mail_host: str | None = None
    mail_port: int = Field(default=587, gt=0, lt=65536)
    mail_tls: Literal["none", "starttls", "tls"] = "starttls"
    mail_user: str | None = None
    mail_password: SecretStr | None = None
    mail_ca_file: Path | None = None
    mail_seconds: float = Field(default=20, gt=0)
    mail_from: str = "campanile@localhost"
    mail_to: Words = []

    simulated_now: datetime | None = None

    @field_validator("team_zone")
    @classmethod
    def _is_zone(cls, value: str) -> str:
        try:
            zone_of(value)
        except ConfigurationError as error:
            raise ValueError(str(error)) from None
        return value

    @field_validator("keep_messages_days", "keep_replies_days")
    @classmethod
    def _is_not_short(cls, value: int) -> int:
        if 0 < value < SHORTEST_RETENTION_DAYS:
            raise ValueError(
                f"it must be 0 (for ever) or {SHORTEST_RETENTION_DAYS} and more: late delivery reports and caps of "
                "messages per person need the last weeks"
            )
        return value

    @field_validator("approver_secrets")
    @classmethod
    def _is_one_secret_a_name(cls, value: SecretStr | None) -> SecretStr | None:
        parse_secrets(value)
        return value

    @field_validator("simulated_now")
    @classmethod
    def _is_aware(cls, value: datetime | None) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError("it must have a UTC offset, such as 2026-11-23T08:00:00+01:00")
        return value

    @model_validator(mode="after")
    def _read_created_sandbox_key(self) -> Self:
        file = self.data_dir / SANDBOX_KEY_NAME
        if "sandbox_api_key" not in self.model_fields_set and file.is_file():
            try:
                self.__dict__["sandbox_api_key"] = SecretStr(file.read_text(encoding="utf-8").strip())
            except OSError as error:
                raise ValueError(
                    f"the sandbox's key {file} cannot be read ({error.strerror}): set SMS_SANDBOX_API_KEY, or read it "
                    "as the account that ran make up"
                ) from None
        return self

    @model_validator(mode="after")
    def _suppression_has_key(self) -> Self:
        if self.suppression == "hmac" and self.suppression_key is None:
            raise ValueError("SMS_SUPPRESSION is hmac and SMS_SUPPRESSION_KEY is not set: give 32 characters or more")
        return self

    @model_validator(mode="after")
    def _mail_has_recipients(self) -> Self:
        if self.mail_host is not None and not self.mail_to:
            raise ValueError("SMS_MAIL_HOST is set and SMS_MAIL_TO is not: give the addresses that get the alerts")
        return self

    @model_validator(mode="after")
    def _claim_and_deadline_are_short(self) -> Self:
        if self.claim_seconds + self.gateway_deadline_seconds > ON_THE_WAY_SECONDS:
            raise ValueError(
                f"SMS_CLAIM_SECONDS ({self.claim_seconds:g}) and SMS_GATEWAY_DEADLINE_SECONDS "
                f"({self.gateway_deadline_seconds:g}) must not be more than {ON_THE_WAY_SECONDS:g} together: adapters "
                "allow this time between a claim and its arrival when they set how long a message is valid"
            )
        return self

    @property
    def is_day_first(self) -> bool:
        """Whether 05/12/2026 is 5 December for the team."""
        return self.date_order == "day_first"

    @property
    def runs_socket(self) -> Path:
        """The socket of ``scripts.run_server``."""
        return self.data_dir / "runs.sock"

    @property
    def store_file(self) -> Path:
        """Where the store is: ``SMS_STORE_PATH``, or ``sms.duckdb`` in the data folder."""
        return self.store_path or self.data_dir / "sms.duckdb"

    @property
    def opt_out_key(self) -> bytes | None:
        """The key of a store that keeps opt-outs as keyed hashes; None: opt-outs are kept under their numbers."""
        if self.suppression == "plain" or self.suppression_key is None:
            return None
        return self.suppression_key.get_secret_value().encode()

    @property
    def backups(self) -> Path:
        """Where copies of the store go: ``SMS_BACKUP_DIR``, or ``backups`` in the data folder."""
        return self.backup_dir or self.data_dir / "backups"

    @property
    def callbacks(self) -> Path:
        """Where the receiver keeps callbacks: ``SMS_CALLBACKS_DIR``, or ``callbacks`` in the data folder."""
        return self.callbacks_dir or self.data_dir / "callbacks"

    @property
    def private_paths(self) -> list[Path]:
        """Folders and files that no other account may read; the settings themselves contain keys."""
        store = self.store_file
        return [ENV_FILE, self.data_dir, self.backups, self.callbacks, *store.parent.glob(f"{store.stem}.*")]

    @property
    def zone(self) -> ZoneInfo:
        """The team's time zone."""
        return zone_of(self.team_zone)


def read_settings() -> Settings:
    """Read the settings; files that this process writes from then on are private to its account.

    Raises:
        ConfigurationError: one line that names each wrong variable, its value and what is allowed.
    """
    try:
        found = Settings()
    except ValidationError as error:
        wrong = "; ".join(_one_line(item["loc"], item["input"], item["msg"]) for item in error.errors())
        raise ConfigurationError(f"wrong settings: {wrong}") from None
    keep_private(*found.private_paths)
    return found


def _one_line(location: tuple[int | str, ...], value: object, message: str) -> str:
    """Return a variable, its value and what is wrong with it; the value of a secret is never shown."""
    words = message.removeprefix("Value error, ")
    if not location:
        return words
    name = str(location[0])
    shown = "…" if name.endswith(("password", "key", "secret", "secrets", "token")) else repr(value)
    return f"SMS_{name.upper()}={shown}: {words}"
