"""`make up` passes options to its sandbox and to Campanile, and after a kill no process remains."""

import os
import subprocess
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from unittest import mock

import pytest

from campanile.gateways.callbacks.registry import configured
from campanile.gateways.callbacks.settings_file import read_settings_file
from campanile.gateways.sandbox.adapter import SandboxGateway
from campanile.sms.errors import GatewayDenied
from campanile.store.contacts.lists import list_made_sure
from schemas.gateway import Resolution
from tasks.context import current_context

ROOT = Path(__file__).parents[1]
Read = Callable[..., Namespace]
MONDAY = "2026-11-23T08:00:00+01:00"


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Read]:
    """Read a command line of `make up`."""
    monkeypatch.chdir(ROOT)
    current_context.cache_clear()

    def arguments(*words: str, home: Path | None = tmp_path) -> Namespace:
        from scripts import up

        given = [] if home is None else ["--home", str(home)]
        monkeypatch.setattr(sys, "argv", ["up.py", *given, *words])
        return up.parse_arguments()

    with mock.patch.dict(os.environ):
        yield arguments
    current_context.cache_clear()


@pytest.mark.parametrize(
    ("words", "setting", "resolution"),
    [
        pytest.param("", None, Resolution.IDEMPOTENCY_KEY, id="as it ships"),
        pytest.param("", "look_up", Resolution.LOOK_UP, id="as the setting says"),
        pytest.param("--resolution neither", "look_up", Resolution.NEITHER, id="as the command line says"),
    ],
)
def test_the_sandbox_and_campanile_get_the_same_class(
    read: Read, monkeypatch: pytest.MonkeyPatch, words: str, setting: str | None, resolution: Resolution
) -> None:
    from scripts import up

    if setting:
        monkeypatch.setenv("SMS_SANDBOX_RESOLUTION", setting)
    options = read(f"--sandbox={words}")
    assert options.sandbox_command[-2:] == ["--resolution", resolution]
    assert up.build_environment(options)["SMS_SANDBOX_RESOLUTION"] == resolution


def test_the_key_of_the_sandbox_is_not_on_its_command_line(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    from scripts import up

    monkeypatch.setenv("SMS_SANDBOX_API_KEY", "a-chosen-key")
    current_context.cache_clear()
    options = read("--sandbox=")
    up.build_environment(options)
    assert "a-chosen-key" not in options.sandbox_command
    assert (options.home / "sandbox-key").read_text().strip() == "a-chosen-key"


def test_the_receiver_gets_the_settings_of_the_gateways_in_a_private_file(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    from scripts import receiver, up

    monkeypatch.setenv("SMS_KANNEL_CALLBACK_SECRET", "a-secret-of-kannel-callbacks")
    current_context.cache_clear()
    options = read("--callbacks-port", "8999")
    environment = up.build_environment(options)
    command = receiver.receiver_command(options.home, options.callbacks_port, environment)
    file = options.home / "callback-settings"
    assert file.stat().st_mode & 0o077 == 0
    found = configured(read_settings_file(file))
    assert set(found) == {"sandbox", "kannel"}
    assert found["kannel"]["callback_secret"] == "a-secret-of-kannel-callbacks"
    assert found["sandbox"]["callback_secret"] == environment["SMS_SANDBOX_CALLBACK_SECRET"]
    assert found["sandbox"]["callback_secret"] == (options.home / "sandbox-callback-secret").read_text().strip()
    words = " ".join(options.sandbox_command)
    assert "--callback-url http://127.0.0.1:8999" in words
    assert not any(secret["callback_secret"] in " ".join(command) + words for secret in found.values())
    assert up.build_environment(options)["SMS_SANDBOX_CALLBACK_SECRET"] == found["sandbox"]["callback_secret"]


def test_the_lag_of_the_sandbox_is_handed_to_campanile(read: Read) -> None:
    from scripts import up

    assert up.build_environment(read("--sandbox=--look-up-lag 30"))["SMS_SANDBOX_LOOK_UP_LAG"] == "30.0"
    assert up.build_environment(read("--sandbox="))["SMS_SANDBOX_LOOK_UP_LAG"] == "0.0"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        pytest.param("--latencyms 50", "unrecognized arguments: --latencyms", id="an option it does not have"),
        pytest.param("--latency-ms soon", "'soon' is no duration", id="a value that cannot be"),
        pytest.param("--faults flood=0.1", "flood", id="a fault it does not know"),
        pytest.param("--resolution maybe", "invalid", id="a class that there is not"),
        pytest.param("--port=1", "--port is set by --sandbox-port", id="what make up sets"),
        pytest.param("--callback-url=http://a", "--callback-url is set by --callbacks-port", id="also for callbacks"),
        pytest.param("--seed '3", "No closing quotation", id="half a word"),
        pytest.param("--tariff /nowhere.csv", "there is no tariff /nowhere.csv", id="no tariff"),
    ],
)
def test_a_wrong_option_is_one_line_and_nothing_starts(tmp_path: Path, words: str, line: str) -> None:
    done = subprocess.run(
        [sys.executable, "scripts/up.py", "--home", str(tmp_path), f"--sandbox={words}"],
        cwd=ROOT, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("make up: --sandbox: ")
    assert line in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_what_it_is_given_holds(read: Read) -> None:
    options = read("--sandbox-port", "0", "--sandbox=--balance 7.5 --seed 3")
    options.home.mkdir(parents=True, exist_ok=True)
    (options.home / "sandbox-key").write_text("made-once\n")
    (options.home / "sandbox-callback-secret").write_text("a-secret-made-once\n")
    with subprocess.Popen(options.sandbox_command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[3]
        try:
            assert SandboxGateway(url, "made-once").balance().amount == Decimal("7.5")
            with pytest.raises(GatewayDenied):
                SandboxGateway(url, "sandbox-key").balance()
        finally:
            process.terminate()


def test_what_a_killed_make_up_left_is_ended_by_the_next_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from scripts.household import end_leftovers, processes_with

    killed = f"""
import os, pathlib, signal, time
from scripts import household
here = household.Household(pathlib.Path({str(tmp_path)!r}), dict(os.environ), mark={str(tmp_path)!r})
here.start("server", ["sh", "-c", "sleep 120 & wait"])
while len(household.processes_with({str(tmp_path)!r})) < 2:
    time.sleep(0.01)
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", killed], cwd=ROOT, timeout=60, check=False)
    assert len(processes_with(str(tmp_path))) == 2
    assert processes_with(str(tmp_path.parent)) == set()
    end_leftovers(str(tmp_path))
    assert processes_with(str(tmp_path)) == set()


def test_a_simulated_clock_has_a_folder_of_its_own_unless_one_is_named(
    read: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = tmp_path / "data"
    for name, path in {"DATA_DIR": real, "STORE_PATH": real / "sms.duckdb", "BACKUP_DIR": real / "copies"}.items():
        monkeypatch.setenv(f"SMS_{name}", str(path))
    current_context.cache_clear()
    assert read(home=None).home == real
    assert current_context().settings.store_file == real / "sms.duckdb"

    assert read("--simulated-now", MONDAY, home=None).home == real / "rehearsal"
    assert current_context().settings.store_file == real / "rehearsal" / "sms.duckdb"
    assert current_context().settings.backups == real / "rehearsal" / "backups"


def test_a_named_folder_is_that_of_the_simulated_clock(read: Read, tmp_path: Path) -> None:
    assert read("--simulated-now", MONDAY).home == tmp_path
    assert current_context().settings.store_file == tmp_path / "sms.duckdb"


def test_a_real_start_in_a_folder_with_a_simulated_clock_is_refused_at_once(
    tmp_path: Path, store_of: Callable[..., None]
) -> None:
    store_of(tmp_path, simulated_now=MONDAY)
    done = make_up("--home", str(tmp_path))
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1
    assert f"has a simulated clock that started at {MONDAY}" in done.stderr
    assert "--home" in done.stderr


def test_a_simulated_clock_in_a_folder_with_real_work_is_refused_at_once(
    tmp_path: Path, store_of: Callable[..., None]
) -> None:
    store_of(tmp_path, list_name="clients")
    done = make_up("--home", str(tmp_path), "--simulated-now", MONDAY)
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1
    assert "holds real work: a simulated clock would end real work in it for ever" in done.stderr


def test_a_long_step_says_what_it_waits_for(tmp_path: Path) -> None:
    waits = f"""
import os, pathlib, sys
from scripts import household
household.STILL_SECONDS = 0
here = household.Household(pathlib.Path({str(tmp_path)!r}), dict(os.environ), mark={str(tmp_path)!r})
here.step("making Prefect's database")
here.run("database", [sys.executable, "-c", "import time; time.sleep(1)"])
"""
    done = subprocess.run([sys.executable, "-c", waits], cwd=ROOT, capture_output=True, text=True, check=True)
    first, *still = [line.split("s  ", 1)[1] for line in done.stdout.splitlines()]
    assert first == "making Prefect's database"
    assert set(still) == {"still making Prefect's database"}


def make_up(*words: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SMS_")}
    command = [sys.executable, "scripts/up.py", *words]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def store_of(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Make the store of a data folder, with a simulated clock or with a list."""

    def make(home: Path, simulated_now: str = "", list_name: str | None = None) -> None:
        monkeypatch.setenv("SMS_DATA_DIR", str(home))
        monkeypatch.setenv("SMS_SIMULATED_NOW", simulated_now)
        current_context.cache_clear()
        with current_context().transaction() as tx:
            if list_name:
                list_made_sure(tx, list_name, is_sample=False)

    yield make
    current_context.cache_clear()
