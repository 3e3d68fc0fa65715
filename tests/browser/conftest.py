"""Campanile as `make up` starts it, and a person in front of its UI."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

ROOT = Path(__file__).parents[2]
CHROMIUM = Path("/usr/bin/chromium")
QUIET = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
MONDAY_9_IN_PARIS = "2026-11-23T09:00:00+01:00"
#: A run is a process that is started by a worker: seconds on an idle machine, a minute on a busy one.
RUN_MS = 180_000
FINAL = re.compile("Completed|Failed|Crashed|Cancelled")


@dataclass
class Installation:
    """A running installation that `make up` started."""

    home: Path
    ui: str
    sandbox: str
    process: subprocess.Popen[bytes]

    @property
    def output(self) -> str:
        """Everything that it has printed."""
        return (self.home / "up.log").read_text(encoding="utf-8")

    def wait_until_up(self, seconds: float = 240) -> None:
        """Wait until it prints that it is up."""
        deadline = time.monotonic() + seconds
        while "Campanile is up" not in self.output:
            assert self.process.poll() is None, self.output
            assert time.monotonic() < deadline, self.output
            time.sleep(0.2)

    def stop(self) -> int:
        """Press Ctrl-C and return the exit status."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(90)

    def remaining_processes(self) -> list[str]:
        """Return the processes whose environment still names this installation."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if os.fsencode(self.home) in (process / "environ").read_bytes():
                    found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        return found

    def ask_sandbox(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Call the sandbox as a person does who tests by hand."""
        key = {"Authorization": f"Bearer {(self.home / 'sandbox-key').read_text().strip()}"}
        answer = requests.request(method, f"{self.sandbox}{path}", json=body, headers=key, timeout=20)
        answer.raise_for_status()
        return answer.json()


@pytest.fixture(scope="session")
def chromium() -> Path:
    if not CHROMIUM.exists():
        pytest.skip(f"no {CHROMIUM}: install it (Debian: apt-get install chromium)")
    return CHROMIUM


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def installation(chromium: Path, tmp_path: Path) -> Iterator[Installation]:
    """A running Campanile with all its data in a new folder."""
    port, sandbox_port = free_port(), free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("SMS_", "PREFECT_"))}
    arguments = {
        "--home": str(tmp_path),
        "--port": str(port),
        "--sandbox-port": str(sandbox_port),
        "--callbacks-port": str(free_port()),
        "--simulated-now": MONDAY_9_IN_PARIS,
    }
    command = [sys.executable, str(ROOT / "scripts" / "up.py"), *(word for pair in arguments.items() for word in pair)]
    with (tmp_path / "up.log").open("wb") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=environment, start_new_session=True
        )
    found = Installation(tmp_path, f"http://127.0.0.1:{port}", f"http://127.0.0.1:{sandbox_port}", process)
    try:
        found.wait_until_up()
        yield found
    finally:
        if process.poll() is None:
            found.stop()


@dataclass
class Person:
    """A person at the UI: uses deployments, forms and pages, and types only the first address."""

    page: Any
    ui: str

    def log_in(self, login: str) -> None:
        """Open the UI, which asks for the login, and give it."""
        self.page.goto(f"{self.ui}/deployments")
        self.page.locator("input[type=password]").fill(login)
        self.page.get_by_role("button", name="Login", exact=True).click()
        self.page.wait_for_url(f"{self.ui}/deployments")

    def run(self, deployment: str, **values: str | list[str]) -> str:
        """Fill in a deployment's form, submit it, wait for the end of its run; return the run's last state.

        ``values`` are by the name that the form shows, with _ for a space.
        """
        self.open_form(deployment)
        for label, value in values.items():
            self.fill(label, value)
        self.submit()
        return self.wait_for_end()

    def open_form(self, deployment: str) -> None:
        """Go to a deployment, and choose Run, Custom run."""
        self.open_deployment(deployment)
        self.page.get_by_role("button", name="Run", exact=True).click()
        self.page.get_by_text("Custom run").click()
        self.page.get_by_role("button", name="Submit").wait_for()

    def open_deployment(self, deployment: str) -> None:
        """Search for a deployment and follow its link; begin again if that leads nowhere.

        A click is lost if the list is drawn again at that moment. The list stays empty if Prefect's server does not
        answer: after its start its SQLite file is sometimes locked for a minute.
        """
        from playwright.sync_api import TimeoutError as NotThere

        page = re.compile(r"/deployments/deployment/")
        for _ in range(12):
            with suppress(NotThere):
                self.page.goto(f"{self.ui}/deployments")
                self.page.get_by_placeholder("Search deployments").fill(deployment, timeout=20_000)
                self.page.get_by_role("link", name=deployment, exact=True).first.click(timeout=10_000)
                self.page.wait_for_url(page, timeout=10_000)
                return
        self.page.wait_for_url(page)

    def field(self, label: str) -> Any:
        """Return the innermost group of the form that carries a label."""
        words = re.compile(rf"^{re.escape(label)}( \(Optional\))?$")
        return self.page.locator(".schema-form-property").filter(has=self.page.get_by_text(words)).last

    def fill(self, label: str, value: str | list[str]) -> None:
        """Type a value, choose it where there is a menu, or type the items of a list one by one."""
        group = self.field(label)
        menu = group.locator(".p-select-button__control")
        if menu.count():
            menu.press("ArrowDown")
            self.page.get_by_role("option", name=str(value), exact=True).click()
            return
        if isinstance(value, str):
            group.locator("textarea, input").first.fill(value)
            return
        for position, item in enumerate(value):
            group.get_by_role("button", name="Add item").click()
            group.locator("textarea").nth(position).fill(item)

    def filled_in(self) -> dict[str, str]:
        """Return the content of each box of the form, by its label."""
        self.page.get_by_role("button", name="Submit").wait_for()
        boxes = self.page.locator(".schema-form-property").filter(has=self.page.locator("textarea"))
        pairs = boxes.evaluate_all(
            "groups => groups.map(group => [group.querySelector('.schema-form-property__label').innerText,"
            " group.querySelector('textarea').value])"
        )
        return {label.removesuffix(" (Optional)"): value for label, value in pairs}

    def press_submit(self) -> None:
        """Press Submit; whether the form is accepted is another matter."""
        self.page.get_by_role("button", name="Submit").click()

    def submit(self) -> None:
        """Press Submit, and go to the run that it made.

        Prefect's server answers 503 "Service Unavailable" when its SQLite file was written to in the same moment
        (about one form in thirty), and nothing was done: press again, as a person would.
        """
        for _ in range(5):
            with self.page.expect_response(re.compile("/create_flow_run$")) as answer:
                self.press_submit()
            if answer.value.status != 503:
                break
        assert answer.value.status == 201, answer.value.text()
        self.page.goto(f"{self.ui}/runs/flow-run/{answer.value.json()['id']}")

    @contextmanager
    def following(self, link: str) -> Iterator["Person"]:
        """Follow a link of the page, which opens in a window of its own."""
        with self.page.expect_popup() as window:
            self.page.get_by_role("link", name=link, exact=True).click()
        window.value.set_default_timeout(60_000)
        yield Person(window.value, self.ui)
        window.value.close()

    def wait_for_end(self) -> str:
        """Return the state of the run on the page once it is final."""
        badge = self.page.locator(".state-badge").first
        badge.filter(has_text=FINAL).wait_for(timeout=RUN_MS)
        return str(badge.inner_text()).strip()

    def follow(self, run_name: str) -> str:
        """Find a run by its name among all runs, wait for its end, and return its last state."""
        self.page.goto(f"{self.ui}/runs")
        self.page.get_by_role("link", name=run_name, exact=True).first.click(timeout=RUN_MS)
        return self.wait_for_end()

    def read(self, key: str, title: str | re.Pattern[str]) -> str:
        """Open the latest page of an artifact, and return its text once it carries a title.

        The page requests the list once: if that fails, load the page again, as a person would.
        """
        from playwright.sync_api import TimeoutError as NotThere

        for timeout_ms in (20_000, 20_000):
            with suppress(NotThere):
                self._pick_artifact(key, timeout_ms)
                break
        else:
            self._pick_artifact(key, 60_000)
        self.page.locator("a[href*='/artifacts/artifact/']").first.click()
        self.page.get_by_role("heading", name=title).wait_for()
        return str(self.page.locator("body").inner_text())

    def _pick_artifact(self, key: str, timeout_ms: float) -> None:
        self.page.goto(f"{self.ui}/artifacts")
        name = self.page.get_by_role("link", name=key, exact=True).or_(self.page.get_by_text(key, exact=True))
        name.first.click(timeout=timeout_ms)


@pytest.fixture
def person(chromium: Path, installation: Installation) -> Iterator[Person]:
    """A person who is logged in at the UI of the installation."""
    with browsing(chromium) as page:
        found = Person(page, installation.ui)
        found.log_in((installation.home / "prefect-login").read_text(encoding="utf-8").strip())
        yield found


@contextmanager
def browsing(chromium: Path) -> Iterator[Any]:
    """A page of 1280 pixels in a headless Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(chromium), headless=True, args=QUIET)
        try:
            page = browser.new_page(viewport={"width": 1280, "height": 1000})
            page.set_default_timeout(60_000)
            yield page
        finally:
            browser.close()
