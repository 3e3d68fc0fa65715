"""Chapters of the demo: each runs flows as a team would, and shows what the team would see."""

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markdown import Markdown
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, track
from rich.table import Table

from campanile.files.rejects import REJECT_WORDS
from campanile.gateways.sandbox.testing import SandboxProcess
from campanile.pages.import_views import ImportReport
from campanile.pages.words import STATE_WORDS
from campanile.services.campaigns.read_recap import read_recap
from campanile.services.contacts.file_import import Result
from campanile.sms.states import MessageState
from campanile.sms.text.masking import mask_number
from campanile.store.campaigns.campaigns import find_campaign
from campanile.store.contacts.import_log import ROW_RESULTS, ImportSummary
from campanile.store.db.invariants import broken_invariants
from campanile.store.ledger.run_lifecycle import count_messages
from flows.approve_campaign import approve_campaign
from flows.check_balance import check_balance
from flows.collect_delivery_reports import collect_delivery_reports
from flows.configure_auto_responder import configure_auto_responder
from flows.import_opt_outs import import_opt_outs
from flows.ingest_contacts import ingest_contacts
from flows.prepare_campaign import prepare_campaign
from flows.process_replies import process_replies
from flows.report_campaign import report_campaign
from flows.send_due_campaigns import send_due_campaigns
from schemas.recap_rows import Recap
from tasks.campaigns import draw_recap
from tasks.context import current_context

CAMPAIGN = "soldes-hiver"
SAMPLES = Path("data/samples")
console = Console(width=max(100, min(120, Console().width)))
imported: dict[str, ImportSummary] = {}


def opening(moment: datetime) -> None:
    """Announce the demo and its simulated clock."""
    console.print(
        Panel(
            "A campaign from contact files to results, through a real local gateway that costs nothing.\n"
            f"[bold]Simulated clock[/]: it is set to [bold]{moment:%A %d %B %Y, %H:%M}[/] in Paris,\n"
            "because marketing is not sent on Sundays or at night. Only the sandbox gateway can be used.",
            title="Campanile",
        )
    )


def contacts_in(files: Sequence[tuple[str, str]]) -> None:
    """Import the sample files and show the result of every row."""
    chapter("1. Contacts in", "each row accepted, updated, duplicate, or rejected with a reason")
    for list_name, name in track(files, "reading files", console=console):
        (result,) = ingest_contacts(list_name, str(SAMPLES / name), legal_basis="consent")[list_name]
        imported[name] = summary_of(result)
    imported["opt_outs.csv"] = summary_of(import_opt_outs(str(SAMPLES / "opt_outs.csv"))[0])
    results = table("file", "rows", "accepted", "updated", "duplicate", "rejected")
    for name, summary in imported.items():
        results.add_row(name, str(summary.row_count), *(str(count) for count in summary.result_counts.values()))
    console.print(results)
    reasons = table("rejected because", "rows", "what the partner reads")
    for reason, count in imported["clients_magasin.csv"].reject_reasons.items():
        reasons.add_row(reason, str(count), REJECT_WORDS[reason])
    console.print(reasons)
    console.print("The rejected rows came back as files to fix: [bold]data/demo/rejects/[/]\n")


def summary_of(result: Result) -> ImportSummary:
    """Return the summary of an imported file."""
    assert isinstance(result, ImportReport), result
    return result.summary


def ask_store(sql: str) -> tuple[Any, ...]:
    """Return the only row of a query."""
    with current_context().transaction(read_only=True) as tx:
        (row,) = tx.execute(sql).fetchall()
    return tuple(row)


def prepare() -> Recap:
    """Prepare the sample campaign and show its recap page."""
    chapter("2. The recap", "what is approved is exactly what is sent")
    console.print(f"{check_balance()}\n")
    with console.status("writing and pricing every message"):
        recap = prepare_campaign(path=str(SAMPLES / "campaign.yaml"))
    with current_context().transaction(read_only=True) as tx:
        view = read_recap(current_context(), tx, recap.campaign_id)
    page = draw_recap(view)
    console.print(Panel(Markdown(page), border_style="dim"))
    return recap


def auto_responder(text: str) -> None:
    """Switch the automatic answer on."""
    console.print(f"Before it is sent, {configure_auto_responder(True, text)}.")


def approve_and_send(recap: Recap) -> None:
    """Approve the recap by its hash; it is due now, so sending starts automatically."""
    chapter("3. Approved and sent", "despite refusals and lost answers, each message is sent once")
    console.print(f"Dominique approves recap [bold]{recap.recap_hash[:8]}[/]. From now on the campaign is locked.")
    with progress_bar("sending"):
        approve_campaign(CAMPAIGN, recap.recap_hash[:8], "dominique")
    lost = ask_store("SELECT count(DISTINCT slice_no), count(*) FROM message_event WHERE event = 'unknown'")
    console.print(f"{lost[0]} answers for {lost[1]} messages were lost: asked for again, no message was sent twice.")
    show_states()
    show_parked()


def people_answer(sandbox: SandboxProcess) -> dict[str, list[str]]:
    """Let people reply: two STOPs, one of them before the message is sent, and three other replies."""
    chapter("4. Replies", "STOP before anything else, then delivery reports and automatic answers")
    got = [line["to"] for line in sandbox.billing()]
    (waiting,) = ask_store("SELECT min(msisdn) FROM message_status WHERE state = 'planned'")
    stops, others = [got[3], waiting], [got[10], got[20], got[30]]
    for sender in stops:
        sandbox.reply(sender, "STOP")
    for sender, text in zip(others, ("Merci !", "C'est ouvert dimanche ?", "Qui est-ce ?"), strict=True):
        sandbox.reply(sender, text)
    with console.status("reading replies and delivery reports"):
        process_replies()
        moved = collect_delivery_reports()
    replies = table("from", "text", "verdict", "automatic answer")
    with current_context().transaction(read_only=True) as tx:
        for sender, text, verdict, answer in tx.execute(
            "SELECT sender, text, verdict, answer FROM reply ORDER BY reply_id"
        ).fetchall():
            replies.add_row(mask_number(sender), text, verdict, "sent" if answer == "planned" else "none")
    console.print(replies)
    console.print(f"Delivery reports: {moved}.\n")
    return {"stops": stops, "others": others, "waiting": [waiting]}


def the_day(moments: Sequence[datetime]) -> None:
    """Move the clock: at each of the moments a sending window opens somewhere, and the waiting messages are sent."""
    clocks = ", then ".join(f"{moment:%H:%M}" for moment in moments)
    chapter("5. The other territories", f"it is {clocks} in Paris")
    for moment in moments:
        os.environ["SMS_SIMULATED_NOW"] = moment.isoformat()
        current_context.cache_clear()
        with progress_bar(f"sending at {moment:%H:%M}"):
            send_due_campaigns()
    with console.status("reading delivery reports"):
        collect_delivery_reports()
    show_states()


def balance(mails: Sequence[str]) -> None:
    """Show the balance, and the one mail that was sent when it became critical."""
    chapter("6. The balance", "a mail is sent once when the balance falls below the critical threshold")
    console.print(check_balance())
    for mail in mails:
        console.print(Panel(mail, title="mail to data-team@example.org", border_style="yellow"))


def results() -> None:
    """Publish the results and show the page."""
    chapter("7. The results", "every message in one state, and exported to files")
    with console.status("exporting"):
        page = report_campaign(CAMPAIGN)
    console.print(Panel(Markdown(page), border_style="dim"))


def verify(sandbox: SandboxProcess, people: dict[str, list[str]], expected: dict[str, Any]) -> bool:
    """Compare the figures with the samples' description and with the sandbox's own bill."""
    chapter("8. Check", "compared with the gateway's own bill")
    checks = list(_checks(sandbox, people, expected))
    found = table("must be", "expected", "found", "")
    for what, wanted, got in checks:
        found.add_row(what, str(wanted), str(got), "[green]yes[/]" if wanted == got else "[bold red]NO[/]")
    console.print(found)
    return all(wanted == got for _, wanted, got in checks)


def where_next(home: Path) -> None:
    """Name the next things to look at."""
    console.print(
        Panel(
            "[bold]make up[/]                      the same in the Prefect UI: forms, schedules, artifacts\n"
            f"[bold]data/{home.name}/sms.duckdb[/]           the store; in SQL, on a copy of it and of its .wal\n"
            "[bold]data/demo/rejects/[/]            the rejected rows, as files to correct\n"
            f"[bold]data/demo/exports/{CAMPAIGN}/[/]  the results as one HTML file, everybody as CSV and Parquet\n"
            "[bold]data/samples/README.md[/]        the content of the samples",
            title="Where to look next",
        )
    )


def _checks(
    sandbox: SandboxProcess, people: dict[str, list[str]], expected: dict[str, Any]
) -> Iterator[tuple[str, object, object]]:
    for name, file in expected["files"].items():
        yield f"{name}: {' / '.join(ROW_RESULTS)}", _counts(file["fates"]), _counts(imported[name].result_counts)
    bill = sandbox.billing()
    with current_context().transaction(read_only=True) as tx:
        recap = tx.get(Recap, "recap.get", campaign_id=1, version=1)
        accepted = {
            row[0]
            for row in tx.execute(
                "SELECT client_ref FROM message_status WHERE state IN ('accepted', 'delivered', 'undelivered')"
            ).fetchall()
        }
        yield "messages of the recap", expected["campaign"]["recipients"], recap.message_count
        contacts = sum(file["distinct_numbers"] for file in expected["files"].values() if file["list"])
        yield "contacts = messages + exclusions", contacts, recap.message_count + recap.exclusion_count
        yield "invariants broken", {}, broken_invariants(tx)
    yield "billed twice", 0, len(bill) - len({line["client_ref"] for line in bill})
    yield "billed = accepted in the store", len(accepted), len({line["client_ref"] for line in bill} & accepted)
    yield "billed", len(accepted), len(bill)
    answers = [line["to"] for line in bill if line["text"].startswith("Merci de votre message")]
    yield "one answer to each other reply", _masked(people["others"]), _masked(answers)
    to_stopped = [line for line in bill if line["to"] in people["stops"]]
    yield "messages to people who said STOP, before it", 1, len(to_stopped)


def _masked(numbers: Sequence[str]) -> str:
    return ", ".join(mask_number(number) for number in sorted(numbers))


def _counts(results: Mapping[str, int]) -> str:
    return " / ".join(str(results[result]) for result in ROW_RESULTS)


def chapter(title: str, words: str) -> None:
    """Print the title of a chapter."""
    console.rule(f"[bold]{title}[/] [dim]{words}[/]", align="left")


def table(*columns: str) -> Table:
    """Return an empty table; columns of counts are aligned right."""
    counts = {"rows", "accepted", "updated", "duplicate", "rejected", "messages"}
    made = Table(header_style="bold", border_style="dim")
    for column in columns:
        made.add_column(column, justify="right" if column in counts else "left")
    return made


def show_states() -> None:
    """Show how many messages are in each state."""
    states = table("state", "meaning", "messages")
    for state, count in _states().items():
        states.add_row(state, STATE_WORDS[MessageState(state)], str(count))
    console.print(states)


def show_parked() -> None:
    """Show why the other messages wait, and until when."""
    with current_context().transaction(read_only=True) as tx:
        campaign = find_campaign(tx, CAMPAIGN)
    (territories,) = ask_store(
        "SELECT string_agg(DISTINCT territory, ' ' ORDER BY territory) FROM message_status WHERE state = 'planned'"
    )
    assert campaign.due_at is not None, "it is parked"
    due_at = campaign.due_at.astimezone(current_context().settings.zone)
    console.print(
        f"In {territories} it is night: the campaign is {campaign.state} until {due_at:%A %H:%M} (Europe/Paris).\n"
    )


@contextmanager
def progress_bar(words: str) -> Iterator[None]:
    """Show how many messages were sent so far, read from the store while the block sends them."""
    bar = Progress(
        TextColumn(words), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console, transient=False
    )
    is_over = threading.Event()

    def follow() -> None:
        total = sum(_states().values())
        line = bar.add_task(words, total=total)
        while not is_over.wait(0.25):
            bar.update(line, completed=total - _states().get("planned", 0))
        bar.update(line, completed=total - _states().get("planned", 0))

    with bar:
        follower = threading.Thread(target=follow)
        follower.start()
        try:
            yield
        finally:
            is_over.set()
            follower.join()


def _states() -> dict[str, int]:
    with current_context().transaction(read_only=True) as tx:
        campaign = find_campaign(tx, CAMPAIGN)
        return {row.state: row.message_count for row in count_messages(tx, campaign.campaign_id)}
