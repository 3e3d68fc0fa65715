"""Start everything on this machine, and stop it again: `make up`.

Receiver of callbacks, sandbox gateway, Prefect server (with a home of its own), the deployments of prefect.yaml, the
server that forks the runs, a worker for each queue. The workers stop first, so that their runs can still report; then
the servers, then the sandbox and the receiver. What a killed `make up` left, processes and runs, is ended before the
workers start.
"""

import argparse
import contextlib
import fcntl
import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

from campanile.file_permissions import keep_private
from campanile.gateways.sandbox.__main__ import build_parser
from campanile.gateways.sandbox.faults import FaultPlan, parse_faults
from campanile.services.settings import SANDBOX_CALLBACK_NAME, SANDBOX_KEY_NAME
from campanile.services.store_startup import SimulationMixed
from campanile.sms.errors import SmsError
from schemas.gateway import Resolution
from scripts.household import HOST, ROOT, CannotGoOn, Household, StopAsked, end_leftovers, is_answered
from scripts.login import LOGIN_NAME, keep_callback_secret, keep_sandbox_key, login_of
from scripts.prefect_template import template_path
from scripts.receiver import receiver_command
from scripts.register import POOL
from tasks.context import current_context

#: Workers by name: the queue that each serves, and the limit of concurrent runs. A run is a process of up to 100 MB. A
#: worker at its limit starts nothing, whatever the priority of the queue, so the flows that stop a campaign have a
#: worker of their own.
WORKERS = {"worker": ("default", 8), "control-worker": ("control", 8)}
#: Options of the sandbox that cannot be given in ``--sandbox``, and the options or settings that set them.
SET_OTHERWISE = {
    "--port": "--sandbox-port", "--state": "--home", "--api-key": "SMS_SANDBOX_API_KEY",
    "--api-key-file": "SMS_SANDBOX_API_KEY",
    "--callback-url": "--callbacks-port", "--callback-secret-file": "SMS_SANDBOX_CALLBACK_SECRET",
    "--host": "make up: it is this machine's", "--allow-remote": "make up: it is this machine's",
}  # fmt: skip
#: How often flows, workers and server are checked; the flows check each other too.
WATCH_SECONDS = 120
PREFECT = (sys.executable, "-m", "prefect", "--no-prompt")
SERVER = (sys.executable, str(ROOT / "scripts" / "prefect_server.py"))
REGISTER = (sys.executable, str(ROOT / "scripts" / "register.py"))
TEMPLATE = (sys.executable, str(ROOT / "scripts" / "prefect_template.py"))
#: The folder for a simulated clock, in the data folder: a store with a simulated clock is never used for real work.
REHEARSAL = "rehearsal"


def build_environment(options: argparse.Namespace) -> dict[str, str]:
    """Return the environment of every child: ours, and the settings of a Prefect server of its own with a login."""
    origin = f"http://{HOST}:{options.port}"
    login = login_of(options.home)
    keep_sandbox_key(options.home, _chosen("sandbox_api_key"))
    callback_secret = keep_callback_secret(options.home, _chosen("sandbox_callback_secret"))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    return environment | {
        "DO_NOT_TRACK": "1",
        "PYTHONUNBUFFERED": "1",
        "SMS_HOME": str(ROOT),
        "SMS_DATA_DIR": str(options.home),
        "SMS_SANDBOX_RESOLUTION": options.resolution,
        "SMS_SANDBOX_LOOK_UP_LAG": str(options.look_up_lag),
        "SMS_SANDBOX_URL": f"http://{HOST}:{options.sandbox_port}",
        "SMS_SANDBOX_CALLBACK_SECRET": callback_secret,
        "PREFECT_HOME": str(options.home / "prefect"),
        "PREFECT_API_URL": f"{origin}/api",
        "PREFECT_API_AUTH_STRING": login,
        "PREFECT_SERVER_API_AUTH_STRING": login,
        "PREFECT_SERVER_API_HOST": HOST,
        "PREFECT_SERVER_API_PORT": str(options.port),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        # Without these, any page open in the same browser could approve a campaign.
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": origin,
        "PREFECT_SERVER_CSRF_PROTECTION_ENABLED": "true",
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        "PREFECT_SERVER_UI_V2_ENABLED": "false",
        # Each poll writes to the server's SQLite file, which refuses a form that is submitted at the same moment.
        "PREFECT_WORKER_QUERY_SECONDS": "5",
    }


def sandbox_command(options: argparse.Namespace) -> tuple[list[str], Resolution, float]:
    """Return the command of the sandbox, and its resolution class and look-up lag, which Campanile needs too.

    Raises:
        CannotGoOn: one of the words of ``--sandbox`` is none of its options, or is set otherwise here.
    """
    words = _words_of(options.sandbox)
    ours = {
        "--port": str(options.sandbox_port),
        "--state": str(options.home / "sandbox"),
        "--api-key-file": str(options.home / SANDBOX_KEY_NAME),
        "--callback-url": f"http://{HOST}:{options.callbacks_port}",
        "--callback-secret-file": str(options.home / SANDBOX_CALLBACK_NAME),
    }
    for word in words:
        if (name := word.partition("=")[0]) in SET_OTHERWISE:
            raise CannotGoOn(f"--sandbox: {name} is set by {SET_OTHERWISE[name]}")
    words += [word for pair in ours.items() for word in pair]
    parser = build_parser(_SandboxParser)
    parser.set_defaults(resolution=current_context().settings.sandbox_resolution)
    found = parser.parse_args(words)
    try:
        FaultPlan(seed=found.seed).replace_with(parse_faults(found.faults))
    except (SmsError, ValueError) as error:
        raise CannotGoOn(f"--sandbox: {error}") from None
    if not found.tariff.is_file():
        raise CannotGoOn(f"--sandbox: there is no tariff {found.tariff}")
    command = [sys.executable, "-m", "campanile.gateways.sandbox", *words, "--resolution", found.resolution]
    return command, found.resolution, found.look_up_lag


def _chosen(name: str) -> str | None:
    """Return a secret from its setting; None: it is not set."""
    settings = current_context().settings
    value = getattr(settings, name)
    return value.get_secret_value() if name in settings.model_fields_set and value is not None else None


class _SandboxParser(argparse.ArgumentParser):
    """Parser of the sandbox's command line; an error is one line of `make up`."""

    def error(self, message: str) -> NoReturn:
        raise CannotGoOn(f"--sandbox: {message}; docs/sandbox.md lists its options")


def _words_of(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise CannotGoOn(f"--sandbox: {error} in {text!r}") from None


def bring_up(household: Household, options: argparse.Namespace) -> None:
    """Start all processes in the order of their dependencies; those without dependencies start at once."""
    for name, port, option in (
        ("server", options.port, "--port"),
        ("sandbox", options.sandbox_port, "--sandbox-port"),
        ("receiver of callbacks", options.callbacks_port, "--callbacks-port"),
    ):
        if is_answered(port):
            raise CannotGoOn(f"port {port} of {HOST}, for the {name}, is taken; give another with {option}")
    receiver = household.start(
        "callbacks", receiver_command(options.home, options.callbacks_port, household.environment)
    )
    sandbox = household.start("sandbox", options.sandbox_command)
    database = options.home / "prefect" / "prefect.db"
    if not database.exists():
        once = "" if template_path().exists() else " (once for each version of Prefect, it takes a minute or more)"
        household.step(f"making Prefect's database{once}")
        household.run("database", (*TEMPLATE, str(database)))
    household.step("starting Prefect's server, and loading the flows")
    server = household.start("server", SERVER)
    registering = household.start("register", (*REGISTER, str(options.port)))
    if current_context().settings.warm_runs:
        household.start("run-server", (sys.executable, "-m", "scripts.run_server"), has_runs=True)
    household.wait_for_port(receiver, options.callbacks_port, but=registering)
    household.wait_for_port(sandbox, options.sandbox_port, but=registering)
    household.wait_for_port(server, options.port, but=registering)
    household.step(f"Prefect's UI answers at http://{HOST}:{options.port}")
    household.step("registering the flows of prefect.yaml")
    household.finish(registering)
    household.step("starting the workers")
    for name, (queue, most_runs) in WORKERS.items():
        household.start(name, (*PREFECT, *worker_command(queue, most_runs)), has_runs=True)
    household.start("watch", (sys.executable, "-m", "tasks.watch", "--stay", "--every", str(WATCH_SECONDS)))


def worker_command(queue: str, most_runs: int) -> Sequence[str]:
    """Return the arguments that start the worker of a queue, after the name of the program."""
    options = {
        "--pool": POOL,
        "--work-queue": queue,
        "--name": f"{POOL}-{queue}",
        "--type": "process",
        "--limit": str(most_runs),
        "--install-policy": "never",
    }
    return "worker", "start", *(word for pair in options.items() for word in pair)


def describe(options: argparse.Namespace) -> str:
    """Return the text about the running installation and the next steps."""
    inbox = options.home / "inbox"
    samples = current_context().settings.samples_dir
    note = current_context().simulation_note
    return f"""
Campanile is up.{f" {note}" if note else ""}
  Prefect's UI   http://{HOST}:{options.port}/deployments   (pages to read: http://{HOST}:{options.port}/artifacts)
  its login      the line in {options.home / LOGIN_NAME}, whole, as the password
  sandbox        http://{HOST}:{options.sandbox_port}   (nothing it sends leaves this machine)
  callbacks      http://{HOST}:{options.callbacks_port}   (docs/callbacks.md)
  drop folders   {inbox / "contacts"}/<list>/, {inbox / "opt_outs"}/
  logs           {options.home / "logs"}/

To try it, open a deployment and choose Run, Custom run:
  1. ingest-contacts    list_name newsletter, path {samples / "newsletter.csv"}, legal_basis consent
                        (a file dropped into {inbox / "contacts" / "newsletter"}/ is read within five minutes)
  2. prepare-campaign   fill in the form, with newsletter under Lists; then read the recap under artifacts
  3. approve-campaign   the campaign's name, the hash of its recap, your name: then it is sent
Ctrl-C stops all of it."""


@contextlib.contextmanager
def only_one(home: Path) -> Iterator[None]:
    """Lock a folder, so that no second server opens the same database."""
    with (home / "up.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotGoOn(f"Campanile is already up on {home}") from None
        yield


def run(options: argparse.Namespace) -> None:
    """Start all processes, wait until a stop is requested or one of them dies, and stop all."""
    keep_private(options.home)
    for folder in ("logs", "prefect", "sandbox", "inbox/contacts/newsletter", "inbox/opt_outs", "inbox/replies"):
        (options.home / folder).mkdir(parents=True, exist_ok=True)
    with only_one(options.home):
        household = Household(options.home / "logs", build_environment(options), mark=str(options.home))
        try:
            end_leftovers(str(options.home))
            open_store(options.home)
            bring_up(household, options)
            print(describe(options), flush=True)
            while True:
                household.wait(1)
        except StopAsked:
            pass
        finally:
            household.stop()
    print("all stopped")


def folder_of_its_own(home: Path) -> dict[str, str]:
    """Return the settings with which data, store and copies of the store are all kept in a folder."""
    return {
        "SMS_DATA_DIR": str(home),
        "SMS_STORE_PATH": str(home / "sms.duckdb"),
        "SMS_BACKUP_DIR": str(home / "backups"),
    }


def open_store(home: Path) -> None:
    """Open and migrate the store before anything starts.

    Raises:
        CannotGoOn: only one of store and settings has a simulated clock; the line says what to type.
    """
    try:
        _ = current_context().clock_offset
    except SimulationMixed as error:
        raise CannotGoOn(f"{error}. Another folder: make up ARGS='--home {home}-2'") from None


def parse_arguments() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description="Start the sandbox, a Prefect server and a worker; Ctrl-C stops all.")
    parser.add_argument("--port", type=int, default=4200, help="of Prefect's API and UI")
    parser.add_argument("--sandbox-port", type=int, default=8900, help="of the sandbox gateway")
    parser.add_argument("--callbacks-port", type=int, default=8910, help="of the receiver of callbacks")
    parser.add_argument(
        "--sandbox",
        default="",
        metavar="OPTIONS",
        help="options of the sandbox, in one word: --sandbox='--seed 3'",
    )
    parser.add_argument(
        "--home",
        type=Path,
        help=f"where store, logs and inboxes are kept (default: SMS_DATA_DIR; simulated: {REHEARSAL}/ in it)",
    )
    parser.add_argument(
        "--simulated-now", metavar="TIME", help="simulate the clock: start it there, e.g. 2027-03-01T08:00:00+01:00"
    )
    options = parser.parse_args()
    if options.simulated_now:
        os.environ["SMS_SIMULATED_NOW"] = options.simulated_now
    home = options.home.resolve() if options.home else None
    os.chdir(ROOT)  # .env and relative settings are read from here
    current_context.cache_clear()
    options.home = home or current_context().settings.data_dir.resolve()
    os.environ["SMS_DATA_DIR"] = str(options.home)
    if home is None and current_context().settings.simulated_now is not None:
        options.home /= REHEARSAL
        os.environ |= folder_of_its_own(options.home)
    current_context.cache_clear()
    options.sandbox_command, options.resolution, options.look_up_lag = sandbox_command(options)
    return options


if __name__ == "__main__":
    try:
        run(parse_arguments())
    except (CannotGoOn, SmsError) as error:
        sys.exit(f"make up: {error}")
