"""Prefect's API refuses requests without a login or under another host name; its runs take no commands."""

import asyncio
import base64
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from pydantic import ValidationError

from campanile.services.settings import Settings
from tasks.context import current_context

pytestmark = pytest.mark.filterwarnings("ignore:Using .httpx. with .starlette.testclient.")

ROOT = Path(__file__).parents[1]
LOGIN = "campanile:" + "correct-horse-battery-staple"
HERE = "http://127.0.0.1:4200"


def basic(login: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(login.encode()).decode()}


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The server's application, without its database: a refused request does not reach it."""
    from prefect.settings import (
        PREFECT_HOME,
        PREFECT_SERVER_API_AUTH_STRING,
        PREFECT_UI_ENABLED,
        temporary_settings,
    )
    from starlette.testclient import TestClient

    from scripts import prefect_server

    with temporary_settings(
        {
            PREFECT_SERVER_API_AUTH_STRING: LOGIN,
            PREFECT_HOME: tmp_path_factory.mktemp("prefect"),
            PREFECT_UI_ENABLED: False,
        }
    ):
        yield TestClient(prefect_server.build_app(), base_url=HERE)


@pytest.mark.parametrize("path", ["/api/deployments/filter", "/api/flow_runs/filter", "/api/work_pools/"])
@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="no login"),
        pytest.param(basic("campanile:guess"), id="a wrong password"),
        pytest.param(basic(LOGIN[:-1]), id="a part of it"),
        pytest.param({"Authorization": f"Bearer {LOGIN}"}, id="another scheme"),
    ],
)
def test_without_the_login_the_api_does_nothing(api: Any, path: str, headers: dict[str, str]) -> None:
    assert api.post(path, json={}, headers=headers).status_code == 401


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:4200", "127.0.0.1.evil.example:4200", "localhost.evil.example", "", "10.0.0.1"],
)
@pytest.mark.parametrize("path", ["/", "/api/health", "/api/admin/version", "/ui-settings"])
def test_a_request_in_another_hosts_name_is_refused_with_the_login_too(api: Any, host: str, path: str) -> None:
    answer = api.get(path, headers={"Host": host, **basic(LOGIN)})
    assert (answer.status_code, answer.text) == (400, "Invalid host header")


@pytest.mark.parametrize("host", ["127.0.0.1:4200", "localhost:4200", "LOCALHOST", "127.0.0.1"])
def test_with_the_login_and_our_own_name_it_answers(api: Any, host: str) -> None:
    assert api.get("/api/admin/version", headers={"Host": host, **basic(LOGIN)}).status_code == 200


def _talk(socket: Any, token: str | None) -> None:
    socket.send_json({"type": "auth", "token": token})
    socket.receive_json()


SOCKETS = [
    "/api/events/in",
    "/api/events/out",
    "/api/logs/out",
    "/api/task_runs/subscriptions/scheduled",
    "/api/work_pools/campanile/workers/connect",
]


@pytest.mark.parametrize("path", SOCKETS)
@pytest.mark.parametrize(
    ("protocols", "token"),
    [
        pytest.param([], None, id="as old clients talk"),
        pytest.param(["prefect"], None, id="no login"),
        pytest.param(["prefect"], "campanile:guess", id="a wrong password"),
    ],
)
def test_a_websocket_without_the_login_is_closed(api: Any, path: str, protocols: list[str], token: str | None) -> None:
    from starlette.websockets import WebSocketDisconnect

    with (
        pytest.raises(WebSocketDisconnect) as closed,
        api.websocket_connect(path, subprotocols=protocols, headers={"Host": "127.0.0.1:4200"}) as socket,
    ):
        _talk(socket, token)
    assert closed.value.code in {1002, 1008}


@pytest.mark.parametrize("path", SOCKETS)
def test_a_websocket_in_another_hosts_name_is_refused(api: Any, path: str) -> None:
    from starlette.testclient import WebSocketDenialResponse

    with (
        pytest.raises(WebSocketDenialResponse) as denied,
        api.websocket_connect(path, subprotocols=["prefect"], headers={"Host": "evil.example"}),
    ):
        pass
    assert denied.value.status_code == 400


def test_the_server_does_not_start_without_a_login() -> None:
    from prefect.settings import PREFECT_SERVER_API_AUTH_STRING, temporary_settings

    from scripts import prefect_server

    with (
        temporary_settings(restore_defaults={PREFECT_SERVER_API_AUTH_STRING}),
        pytest.raises(SystemExit, match="PREFECT_SERVER_API_AUTH_STRING is not set"),
    ):
        prefect_server.main()


VARIABLES = {
    "command": {"command": "touch /tmp/owned"},
    "environment": {"env": {"PATH": "/tmp"}},
    "environment, with a dot": {"env.PATH": "/tmp"},
    "folder": {"working_dir": "/tmp"},
    "name": {"name": "owned"},
}


@pytest.mark.parametrize("given", [pytest.param(value, id=name) for name, value in VARIABLES.items()])
def test_a_worker_takes_no_command_environment_or_folder_from_a_run(given: dict[str, Any]) -> None:
    from prefect.workers.process import ProcessJobConfiguration

    template = json.loads((ROOT / "work-pool.json").read_text(encoding="utf-8"))
    made = asyncio.run(
        ProcessJobConfiguration.from_template_and_values(base_job_template=template, values=given, client=object())
    )
    assert (made.command, made.env, made.working_dir, made.name) == (None, {}, None, None)


@pytest.mark.parametrize("is_warm", [True, False])
def test_the_pool_that_make_up_makes_has_this_template(is_warm: bool, tmp_path: Path) -> None:
    from campanile.services.settings import Settings
    from scripts import register
    from scripts.pool_template import pool_template

    template = json.loads((ROOT / "work-pool.json").read_text(encoding="utf-8"))
    made = pool_template(Settings(_env_file=None, data_dir=tmp_path, warm_runs=is_warm))
    command = made["job_configuration"].pop("command", None)
    assert made == template, "but for the command"
    assert (str(tmp_path / "runs.sock") in command) if is_warm else (command is None)
    assert "--overwrite" in register.pool_command(tmp_path), "a pool of an older version gets it too"


def test_a_login_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    from scripts.login import LOGIN_NAME, login_of

    before = os.umask(0)
    try:
        first = login_of(tmp_path)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / LOGIN_NAME).stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [LOGIN_NAME], "no incomplete file remains"
    assert login_of(tmp_path) == first
    (tmp_path / LOGIN_NAME).chmod(0o644)
    assert login_of(tmp_path) == first
    assert stat.S_IMODE((tmp_path / LOGIN_NAME).stat().st_mode) == 0o600, "a file that others could read is closed"
    (tmp_path / LOGIN_NAME).unlink()
    assert login_of(tmp_path) != first, "a new one is as easy as removing the file"


def test_the_sandbox_has_a_key_of_its_own_that_no_list_of_processes_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from scripts.login import keep_sandbox_key

    file = tmp_path / "sandbox-key"
    keep_sandbox_key(tmp_path, None)
    made = file.read_text().strip()
    assert len(made) > 40
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    keep_sandbox_key(tmp_path, None)
    assert file.read_text().strip() == made
    monkeypatch.delenv("SMS_SANDBOX_API_KEY", raising=False)
    assert Settings(data_dir=tmp_path, _env_file=None).sandbox_api_key.get_secret_value() == made
    assert Settings(data_dir=tmp_path / "other", _env_file=None).sandbox_api_key.get_secret_value() == "sandbox-key"
    unreadable = mock.patch.object(Path, "read_text", side_effect=PermissionError(13, "Permission denied"))
    with (
        unreadable,
        pytest.raises(ValidationError, match=r"sandbox-key cannot be read \(Permission denied\): set SMS_"),
    ):
        Settings(data_dir=tmp_path, _env_file=None)
    keep_sandbox_key(tmp_path, "chosen")
    assert file.read_text().strip() == "chosen"
    monkeypatch.setenv("SMS_SANDBOX_API_KEY", "mine")
    assert Settings(data_dir=tmp_path, _env_file=None).sandbox_api_key.get_secret_value() == "mine"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "campanile:",
        "campanile:short",
        "no-name-in-it-but-long-enough-to-be",
        "a b:" + "x" * 30,
        "é:" + "x" * 30,
    ],
)
def test_a_login_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    from scripts.household import CannotGoOn
    from scripts.login import LOGIN_NAME, login_of

    (tmp_path / LOGIN_NAME).write_text(text, encoding="utf-8")
    with pytest.raises(CannotGoOn, match="must be one line name:password"):
        login_of(tmp_path)


def test_a_login_behind_a_link_is_refused(tmp_path: Path) -> None:
    from scripts.household import CannotGoOn
    from scripts.login import LOGIN_NAME, login_of

    (tmp_path / "elsewhere").write_text(LOGIN, encoding="utf-8")
    (tmp_path / LOGIN_NAME).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CannotGoOn, match="cannot be read"):
        login_of(tmp_path)


def test_server_and_clients_of_make_up_have_the_login(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from scripts import up
    from scripts.login import login_of

    monkeypatch.setattr("sys.argv", ["up.py", "--home", str(tmp_path)])
    monkeypatch.chdir(ROOT)
    with mock.patch.dict(os.environ):
        environment = up.build_environment(up.parse_arguments())
    current_context.cache_clear()
    assert environment["PREFECT_API_AUTH_STRING"] == environment["PREFECT_SERVER_API_AUTH_STRING"] == login_of(tmp_path)
    assert "prefect_server.py" in " ".join(up.SERVER)
    assert login_of(tmp_path) not in " ".join(up.SERVER), "everybody on the machine reads command lines"
