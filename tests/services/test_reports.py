"""What delivery reports leave open: dead numbers in a file, messages without a report, words in no table."""

import stat
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

from campanile.gateways.kannel.report_words import REPORT_WORDS as KANNEL
from campanile.gateways.ovhcloud.report_words import REPORT_WORDS as OVHCLOUD
from campanile.gateways.registry import manifest_of
from campanile.gateways.sandbox.report_words import REPORT_WORDS as SANDBOX
from campanile.gateways.twilio.codes import REPORT_WORDS as TWILIO
from campanile.pages.outcomes import reports_page
from campanile.pages.results import results_page
from campanile.services.context import Context
from campanile.services.inbound.reports import export_dead_numbers, read_unknown_words
from campanile.services.sending.results import read_results
from campanile.services.setup_checks import Advice
from campanile.services.system_checks import check_words
from campanile.sms.rules.dead_numbers import DeadRules
from campanile.store.inbound.dead_numbers import note_reports
from campanile.store.inbound.histories import move_cursor
from schemas.report_words import ReportReason, ReportStatus, ReportTable
from tests.store.conftest import Clock, Desk

TABLES = {"twilio": TWILIO, "ovhcloud": OVHCLOUD, "kannel": KANNEL, "sandbox": SANDBOX}
EACH_TABLE = pytest.mark.parametrize(("gateway", "table"), TABLES.items(), ids=TABLES)
PERSON = 33_612_345_678


def die(context: Context, person: int, reason: str = "=cmd|unknown subscriber") -> None:
    row = [person, f"+{person}", "undelivered", reason, None, True, "30005"]
    columns = ["number_id", "msisdn", "event", "reason", "cause", "is_permanent", "word"]
    with context.transaction() as tx:
        note_reports(tx, "sandbox", pd.DataFrame([row], columns=columns), DeadRules())


def lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8-sig").splitlines()


def test_the_file_of_dead_numbers(context: Context, clock: Clock) -> None:
    assert export_dead_numbers(context) is None, "nobody is dead"
    die(context, PERSON)
    path = export_dead_numbers(context)
    assert path == context.settings.data_dir / "exports" / "dead_numbers.csv"
    header, row = lines(path)
    assert header == "msisdn;reason;dead_since;evidence;list_name;file_name;row_number"
    words = "'+33612345678;'=cmd|unknown subscriber;2026-11-24;a report of gateway sandbox: 30005;;;"
    assert row == words, "guarded: no cell can run as a formula"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert export_dead_numbers(context) is None, "it is up to date"
    die(context, PERSON + 1)
    assert len(lines(export_dead_numbers(context) or path)) == 3
    path.unlink()
    assert export_dead_numbers(context) == path, "it is written again when it is gone"
    assert not list(path.parent.glob(".*"))


# --- the tables -------------------------------------------------------------------------------------------------------


@EACH_TABLE
def test_every_word_has_a_meaning_of_ours(gateway: str, table: ReportTable) -> None:
    assert table.source
    for word, meaning in table.words.items():
        found = table.read(word)
        assert found.meaning == meaning
        assert (meaning.reason is not None) is (meaning.status is ReportStatus.UNDELIVERED), word
        assert not meaning.is_permanent or meaning.reason is not ReportReason.ABSENT, "absence is not for ever"
    assert manifest_of(gateway).report_horizon_hours > 0


@EACH_TABLE
def test_a_word_of_tomorrow_changes_no_state_and_kills_no_number(gateway: str, table: ReportTable) -> None:
    for status in ("teleported", "", "x" * 5000, "\x00", "<b>+33612345678</b>"):
        found = table.read(status, "4711")
        assert found.meaning == (ReportStatus.PENDING, ReportReason.UNKNOWN_WORD, False)
        assert len(found.raw) <= 200
        assert "33612345678" not in f"{found.raw} {found.shown}"
    undelivered = next(word for word, meaning in table.words.items() if meaning.status is ReportStatus.UNDELIVERED)
    found = table.read(undelivered, "4711")
    assert found.meaning == (ReportStatus.UNDELIVERED, ReportReason.UNKNOWN_WORD, False)
    assert found.shown == "unknown word (4711)"
    delivered = next(word for word, meaning in table.words.items() if meaning.status is ReportStatus.DELIVERED)
    assert table.read(delivered, "4711").meaning.reason is None, "a code says only why something was not delivered"


# --- what people see --------------------------------------------------------------------------------------------------


def test_unknown_words_are_on_the_page_of_reports_and_in_diagnose(context: Context, clock: Clock) -> None:
    assert check_words(context) == "every word of the last 30 days of sandbox is in its table"
    with context.transaction() as tx:
        tx.execute(
            "INSERT INTO delivery_report (report_no, gateway, report_id, gateway_message_id, status, is_permanent, "
            "reported_at, recorded_at, word, cause) SELECT n, 'sandbox', n, n, 'pending', false, $at, $at, "
            "'teleported *77*', 'unknown word' FROM range(1, 1235) AS numbers (n)",
            {"at": clock.at},
        )
    found = check_words(context)
    assert isinstance(found, Advice)
    assert "'teleported *77*' (1 234 reports)" in found.found
    page = reports_page("sandbox", {}, read_unknown_words(context, "sandbox"), [])
    assert "| teleported \\*77\\* | 1 234 |" in page


def test_f69_the_results_say_which_messages_have_no_report(store: Path, context: Context, clock: Clock) -> None:
    desk = Desk(store)
    lease = desk.start("winter", range(3), per_slice=3)
    desk.answer(lease, desk.must_claim(lease), "accepted")
    desk.close(lease)
    desk.clock.at += timedelta(hours=25)
    clock.at = desk.clock.at
    with desk.tx() as tx:
        move_cursor(tx, "sandbox", "reports", "1")
    page = results_page(read_results(context, "winter"), context.settings.zone)
    assert "**No report:** 3 messages accepted more than 24 hours ago without a delivery report." in page
    assert "| accepted | accepted by the gateway | 3 |" in page
    assert desk.due() == []
