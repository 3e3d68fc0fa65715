"""Only the owner can read the files of Campanile, whatever the umask of the shell and the modes of older files."""

import ast
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from campanile.file_permissions import keep_private, open_to_others

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _open_shell() -> Iterator[None]:
    """Start with an umask that lets all accounts read and write; restore the umask of the test."""
    before = os.umask(0)
    yield
    os.umask(before)


def rights(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A data folder of an older version, and a file beside it."""
    data = tmp_path / "data"
    for folder in ("prefect", "exports/soldes", "rejects"):
        (data / folder).mkdir(parents=True)
    for name in ("sms.duckdb", "sms.duckdb.wal", "prefect/prefect.db", "exports/soldes/results.csv"):
        (data / name).write_text("+33612345678", encoding="utf-8")
        (data / name).chmod(0o644)
    (data / "hook.sh").touch(0o775)
    (tmp_path / "beside.csv").touch(0o644)
    (data / "link.csv").symlink_to(tmp_path / "beside.csv")
    (data / "broken").symlink_to(tmp_path / "nowhere")
    os.mkfifo(data / "pipe", 0o666)
    return data


def test_what_lies_there_is_corrected(old: Path) -> None:
    assert len(open_to_others(old)) == 10
    keep_private(old)
    assert open_to_others(old) == []
    assert {rights(path) for path in old.rglob("*") if path.is_dir()} == {0o700}
    assert {rights(path) for path in old.rglob("*.*") if path.is_file() and not path.is_symlink()} == {0o600, 0o700}
    assert rights(old) == 0o700
    assert rights(old / "hook.sh") == 0o700, "what its owner may do stays"


def test_a_link_is_not_followed(old: Path) -> None:
    keep_private(old)
    assert rights(old.parent / "beside.csv") == 0o644


def test_what_is_new_is_private(tmp_path: Path) -> None:
    keep_private(tmp_path / "not there yet")
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    assert (rights(tmp_path / "file"), rights(tmp_path / "folder")) == (0o600, 0o700)


def run_open(*words: str, **variables: str) -> None:
    """Run Python with an umask that lets all accounts read."""
    done = subprocess.run(
        [sys.executable, *words],
        env=os.environ | variables,
        cwd=ROOT,
        umask=0,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr


OPENS = """
from campanile.services.context import Context
from campanile.services.settings import read_settings
context = Context(read_settings())
with context.transaction():
    pass
"""


def test_the_store_and_what_is_beside_it(old: Path) -> None:
    (old / "sms.duckdb").unlink()
    (old / "sms.duckdb.wal").unlink()
    run_open("-c", f"{OPENS}\ncontext.data_path('rejects', 'clients')", SMS_DATA_DIR=str(old), SMS_STORE_PATH="")
    assert (old / "sms.duckdb").exists()
    assert open_to_others(old) == []


def test_a_store_elsewhere(old: Path, tmp_path: Path) -> None:
    store = tmp_path / "disk" / "sms.duckdb"
    store.parent.mkdir()
    run_open("-c", OPENS, SMS_STORE_PATH=str(store))
    assert {rights(path) for path in store.parent.iterdir()} == {0o600}
    for path in store.parent.iterdir():
        path.chmod(0o666)
    run_open("-c", "from campanile.services.settings import read_settings\nread_settings()", SMS_STORE_PATH=str(store))
    assert {rights(path) for path in store.parent.iterdir()} == {0o600}


def test_the_sandbox_and_the_spool(tmp_path: Path) -> None:
    """Each program starts, and is stopped by an error that it finds after it has written to its folder."""
    settings = tmp_path / "settings"
    settings.write_text("SMS_KANNEL_CALLBACK_SECRET=a-secret-of-callbacks\n")
    for words, folder in (
        (["campanile.gateways.sandbox", "--port=0", "--state"], tmp_path / "sandbox"),
        (["campanile.gateways.callbacks", "--port=0", f"--settings={settings}", "--spool"], tmp_path / "spool"),
    ):
        folder.mkdir()
        (folder / "old.jsonl").touch(0o666)
        process = subprocess.Popen(
            [sys.executable, "-m", *words, str(folder)],
            cwd=ROOT, umask=0, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline()
        process.kill()
        process.wait()
        process.stdout.close()
        assert len(list(folder.iterdir())) > 1
        assert open_to_others(folder) == []


#: Modules that are started and write nothing of their own: they inherit the rights of what starts them.
CHILDREN = {"campanile/files/parsing/worker.py", "campanile/services/fork_client.py"}
#: Scripts that write no data of people.
WORKSHOP = {f"scripts/{name}.py" for name in ("data_dictionary", "make_samples", "mutants", "train_reply_model")} | {
    "scripts/verify_evidence.py"
}


def test_every_entry_point_keeps_private() -> None:
    started = [
        path
        for folder in ("campanile", "flows", "tasks", "scripts")
        for path in (ROOT / folder).rglob("*.py")
        if '__name__ == "__main__"' in path.read_text(encoding="utf-8")
    ]
    names = {
        str(path.relative_to(ROOT)): {
            node.func.id
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        for path in started
    }
    assert len(names) > 5
    careless = {name for name, called in names.items() if not called & {"keep_private", "read_settings"}}
    assert careless == CHILDREN | WORKSHOP
