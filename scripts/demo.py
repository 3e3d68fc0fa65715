"""The main job in the terminal: import, recap, approval, sending, replies, balance, results.

It uses the real flows and store, the sandbox gateway over HTTP, and a mail server on loopback. The clock is set to a
Monday at 08:00, so that it works at any time, and the store is new each time. At the end it compares its figures with
those of the samples' description, and fails if one differs.
"""

import json
import os
import shutil
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from campanile.file_permissions import keep_private
from scripts.prefect_template import NoTemplate, provide_database

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / "data" / "demo"
CAMPAIGN = "soldes-hiver"
PARIS = ZoneInfo("Europe/Paris")
FILES = (("magasin", "clients_magasin.csv"), ("newsletter", "newsletter.csv"), ("salon", "salon.xlsx"))
ANSWER = "Merci de votre message : un conseiller vous rappelle sous 24 h. MABOUTIQUE"


def main() -> None:
    """Run all chapters; exit with 1 when a figure differs."""
    os.chdir(ROOT)
    keep_private()
    shutil.rmtree(HOME, ignore_errors=True)
    HOME.mkdir(parents=True)
    provide_database(ROOT / "data" / "demo-prefect" / "prefect.db")
    monday = next_working_monday(datetime.now(PARIS).date())
    with mail_server() as mail_port:
        os.environ |= environment(mail_port, at(monday, 8, 0))
        from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

        from campanile.gateways.sandbox.testing import SandboxProcess
        from scripts import demo_story as story
        from tasks.api_access import temporary_login

        options: dict[str, Any] = {"balance": "160", "delivery_seconds": 0.2, "seed": 7}
        # Heartbeats are not needed here, and each flow run would wait a second for the end of its own.
        without_heartbeats = temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None})
        with SandboxProcess.start(HOME / "sandbox", **options) as sandbox, without_heartbeats, temporary_login():
            os.environ["SMS_SANDBOX_URL"] = sandbox.base_url
            sandbox.set_faults(throttle=0.05, unavailable=0.05, accept_then_reset=0.1, accept_then_500=0.05)
            story.opening(at(monday, 8, 0))
            story.contacts_in(FILES)
            recap = story.prepare()
            story.auto_responder(ANSWER)
            story.approve_and_send(recap)
            people = story.people_answer(sandbox)
            # 8 in the morning in Cayenne and Saint-Pierre, in Pointe-à-Pitre and Fort-de-France, in Papeete.
            story.the_day([at(monday, hour, 10) for hour in (12, 13, 19)])
            story.balance(MAILS)
            story.results()
            is_right = story.verify(sandbox, people, json.loads(Path("data/samples/expected.json").read_text()))
            story.where_next(HOME)
    sys.exit(0 if is_right else 1)


def environment(mail_port: int, moment: datetime) -> dict[str, str]:
    """Return the settings of the demo: a store, a Prefect home and a clock of its own."""
    return {
        "PREFECT_HOME": str(ROOT / "data" / "demo-prefect"),  # kept, so that only the first demo waits for it
        "PREFECT_LOGGING_LEVEL": "ERROR",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
        "DO_NOT_TRACK": "1",
        "SMS_DATA_DIR": str(HOME.relative_to(ROOT)),
        "SMS_STORE_PATH": "",
        "SMS_TARIFF_DIR": "data/tariffs",
        "SMS_SAMPLES_DIR": "data/samples",
        "SMS_GATEWAY": "sandbox",
        "SMS_SANDBOX_API_KEY": "sandbox-key",
        "SMS_SIMULATED_NOW": moment.isoformat(),
        "SMS_SLICE_SIZE": "100",
        "SMS_SETTLE_SECONDS": "0.2",
        "SMS_SANDBOX_LOOK_UP_LAG": "0.5",
        "SMS_BALANCE_CRITICAL": "60",
        "SMS_ALERT_NUMBERS": "",
        "SMS_MAIL_HOST": "127.0.0.1",
        "SMS_MAIL_PORT": str(mail_port),
        "SMS_MAIL_TLS": "none",
        "SMS_MAIL_USER": "",
        "SMS_MAIL_PASSWORD": "",
        "SMS_MAIL_FROM": "campanile@example.org",
        "SMS_MAIL_TO": "data-team@example.org",
    }


def next_working_monday(today: date) -> date:
    """Return the next Monday that is no holiday in any territory, because the figures of the demo depend on it."""
    from campanile.sms.schedule.territories import holidays_of, load_territories

    monday = today + timedelta(days=7 - today.weekday())
    while any(monday in holidays_of(territory, monday.year) for territory in load_territories()):
        monday += timedelta(days=7)
    return monday


def at(day: date, hour: int, minute: int) -> datetime:
    """Return a moment of a day in Paris."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=PARIS)


MAILS: list[str] = []


class _Mailbox:
    """Handler of the mail server: it keeps the text of each message."""

    async def handle_DATA(self, server: object, session: object, envelope: object) -> str:  # noqa: N802
        from email import message_from_bytes, policy

        message = message_from_bytes(envelope.content, policy=policy.default)  # type: ignore[attr-defined]
        text = message.get_body(preferencelist=("plain",))
        assert text is not None, "each mail has a text"
        MAILS.append(f"Subject: {message['Subject']}\n\n{text.get_content().strip()}")
        return "250 kept"


@contextmanager
def mail_server() -> Iterator[int]:
    """Run a real SMTP server on loopback and give its port."""
    from aiosmtpd.controller import Controller

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(_Mailbox(), hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


if __name__ == "__main__":
    try:
        main()
    except NoTemplate as error:
        sys.exit(f"make demo: {error}")
