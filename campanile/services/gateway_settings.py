"""The settings of each gateway: where it is, its keys, and how it is paid."""

from decimal import Decimal
from typing import Self

from pydantic import BaseModel, Field, SecretStr, model_validator

from schemas.billing_rows import Billing
from schemas.gateway import Resolution


class GatewaySettings(BaseModel):
    """The part of ``Settings`` whose names begin with a gateway."""

    sandbox_url: str = "http://127.0.0.1:8900"
    sandbox_api_key: SecretStr = SecretStr("sandbox-key")
    sandbox_resolution: Resolution = Resolution.IDEMPOTENCY_KEY
    sandbox_look_up_lag: float | None = Field(default=None, ge=0)
    sandbox_callback_secret: SecretStr | None = None
    sandbox_top_up: str | None = None
    sandbox_billing: Billing | None = None
    sandbox_monthly_cap: Decimal | None = Field(default=None, ge=0)
    sandbox_daily_spending_limit: Decimal | None = Field(default=None, ge=0)

    kannel_url: str | None = None
    kannel_username: str | None = None
    kannel_password: SecretStr | None = None
    kannel_callback_url: str = "http://127.0.0.1:8910"
    kannel_callback_secret: SecretStr | None = None
    kannel_top_up: str | None = None
    kannel_billing: Billing | None = None
    kannel_monthly_cap: Decimal | None = Field(default=None, ge=0)
    kannel_daily_spending_limit: Decimal | None = Field(default=None, ge=0)

    twilio_url: str = "https://api.twilio.com"
    twilio_account_sid: str | None = None
    twilio_auth_token: SecretStr | None = None
    twilio_messaging_service_sid: str | None = None
    twilio_callback_url: str | None = None
    twilio_top_up: str | None = None
    twilio_billing: Billing | None = None
    twilio_monthly_cap: Decimal | None = Field(default=None, ge=0)
    twilio_daily_spending_limit: Decimal | None = Field(default=None, ge=0)

    ovhcloud_url: str = "https://eu.api.ovh.com/1.0"
    ovhcloud_service_name: str | None = None
    ovhcloud_application_key: SecretStr | None = None
    ovhcloud_application_secret: SecretStr | None = None
    ovhcloud_consumer_key: SecretStr | None = None
    ovhcloud_callback_secret: SecretStr | None = None
    ovhcloud_top_up: str | None = None
    ovhcloud_billing: Billing | None = None
    ovhcloud_monthly_cap: Decimal | None = Field(default=None, ge=0)
    ovhcloud_daily_spending_limit: Decimal | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _postpaid_has_a_cap(self) -> Self:
        for name in type(self).model_fields:
            prefix = name.removesuffix("_billing")
            if prefix == name or getattr(self, name) != Billing.POSTPAID:
                continue
            if getattr(self, f"{prefix}_monthly_cap") is None:
                known = f"SMS_{prefix.upper()}"
                raise ValueError(
                    f"{known}_BILLING is postpaid and {known}_MONTHLY_CAP is not set: give what the provider may "
                    "charge in a month"
                )
        return self
