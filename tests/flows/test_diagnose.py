"""diagnose-setup: its checks of the API that records its run."""

from typing import Any

import pytest

pytestmark = pytest.mark.prefect


def api_check() -> tuple[bool, str]:
    from tasks.diagnostics import run_checks

    checks = {check.name: check for check in run_checks.fn()}
    return checks["Prefect's API"].verdict == "in order", checks["Prefect's API"].found


def test_an_api_behind_a_login_holds(workspace: Any) -> None:
    holds, found = api_check()
    assert holds
    assert found.endswith("/api requires a login")


def test_an_open_api_fails(workspace: Any) -> None:
    from http.server import BaseHTTPRequestHandler, HTTPServer
    from threading import Thread

    from prefect.settings import PREFECT_API_URL, temporary_settings

    class Open(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'"3.8.8"')

        def log_message(self, *_: object) -> None:
            """Keep the test's output clean."""

    with HTTPServer(("127.0.0.1", 0), Open) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            with temporary_settings({PREFECT_API_URL: f"http://127.0.0.1:{server.server_port}/api"}):
                holds, found = api_check()
        finally:
            server.shutdown()
    assert not holds
    assert "answers without a login: any account of this machine can run programs as your account" in found


def test_a_temporary_server_has_a_login_of_its_own() -> None:
    from prefect.settings import PREFECT_API_URL, get_current_settings, temporary_settings

    from tasks.api_access import temporary_login

    def handed_on() -> dict[str, str]:
        return get_current_settings().to_environment_variables(exclude_unset=True)

    with temporary_settings(restore_defaults={PREFECT_API_URL}), temporary_login():
        first = handed_on()
    with temporary_settings(restore_defaults={PREFECT_API_URL}), temporary_login():
        second = handed_on()
    assert first["PREFECT_SERVER_API_AUTH_STRING"] == first["PREFECT_API_AUTH_STRING"]
    assert first["PREFECT_API_AUTH_STRING"].startswith("campanile:")
    assert len(first["PREFECT_API_AUTH_STRING"]) > 40
    assert second["PREFECT_API_AUTH_STRING"] != first["PREFECT_API_AUTH_STRING"]
