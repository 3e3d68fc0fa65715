"""The process that parses: no file harms more than itself, and nothing of it stays behind."""

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from campanile.files.parsing import subprocess_runner as parser
from campanile.files.parsing.stage import ParserLimits, StagedFile, StagingRequest, stage_contact_file, stage_in_child
from campanile.sms.errors import ConfigurationError, ContactFileError

ROOT = Path(__file__).parents[2]
ROOMY = ParserLimits(memory_mb=1024, seconds=120)
TABLE = "Mobile;Prénom\n0612345678;Zoë\n0612;Noël\n"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")


def children() -> set[int]:
    """Return the processes that this one has started and not yet buried."""
    found: set[int] = set()
    for file in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(OSError):  # the thread has ended since: what it had started is another one's now
            found |= {int(pid) for pid in file.read_text().split()}
    return found


@pytest.fixture(autouse=True)
def older() -> Iterator[set[int]]:
    """The processes that were there before a test; none is left after it that was not."""
    before = children()
    yield before
    assert children() <= before


@pytest.fixture
def freeze_parser(older: set[int]) -> Callable[[str], None]:
    """Stop the parser, and no other process that the tests have started."""

    def freeze(_: str = "") -> None:
        for pid in children() - older:
            os.kill(pid, signal.SIGSTOP)

    return freeze


@pytest.fixture
def request_for(tmp_path: Path) -> Callable[..., StagingRequest]:
    def make(path: Path, region: str = "FR") -> StagingRequest:
        folder = tmp_path / "staged"
        folder.mkdir()
        return StagingRequest(path, folder, region, ("FR",), columns={"msisdn": "Mobile"})

    return make


def refusal(request: StagingRequest, limits: ParserLimits, on_progress: Callable[[str], None] | None = None) -> str:
    with pytest.raises(ContactFileError) as caught:
        stage_in_child(request, limits, on_progress)
    message = str(caught.value)
    assert message.startswith(f"{request.path.name}: ")
    assert "\n" not in message
    return message


def test_the_child_says_what_this_process_would(
    text_file: Callable[..., Path], tmp_path: Path, request_for: Callable[..., StagingRequest]
) -> None:
    request = request_for(text_file(TABLE, encoding="cp1252"))
    lines: list[str] = []
    staged = stage_in_child(request, ROOMY, lines.append)
    results = {file.name: file.read_bytes() for file in (staged.rows, staged.rejected, staged.rejects_file) if file}
    for file in request.folder.iterdir():
        file.unlink()
    assert staged == stage_contact_file(request)
    assert results == {name: (request.folder / name).read_bytes() for name in results}
    assert lines == ["4 lines read", "2 of 2 numbers read"]


def test_it_can_be_started_by_its_name() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "campanile.files.parsing.worker"], input="{}", cwd=ROOT, capture_output=True, text=True
    )
    assert "KeyError: 'limits'" in done.stderr


def test_it_loads_no_pandas() -> None:
    code = "import sys, campanile.files.parsing.worker; sys.exit('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_the_working_directory_does_not_matter(
    text_file: Callable[..., Path],
    tmp_path: Path,
    request_for: Callable[..., StagingRequest],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "child.py").write_text("raise SystemExit('the wrong one')")
    monkeypatch.chdir(tmp_path)
    assert stage_in_child(request_for(text_file(TABLE)), ROOMY).row_count == 2


def test_a_refused_file_is_refused_with_the_same_words(
    text_file: Callable[..., Path], request_for: Callable[..., StagingRequest]
) -> None:
    request = request_for(text_file("Nom\nA\n"))
    with pytest.raises(ContactFileError) as caught:
        stage_contact_file(request)
    assert refusal(request, ROOMY) == str(caught.value)


def test_a_wrong_region_is_no_fault_of_the_file(
    text_file: Callable[..., Path], request_for: Callable[..., StagingRequest]
) -> None:
    with pytest.raises(ConfigurationError, match="region 'XX'"):
        stage_in_child(request_for(text_file(TABLE), region="XX"), ROOMY)


def test_more_memory_than_allowed(text_file: Callable[..., Path], request_for: Callable[..., StagingRequest]) -> None:
    request = request_for(text_file("Mobile;Nom\n" + "0612345678;A\n" * 3_000_000))
    message = refusal(request, ParserLimits(memory_mb=64, seconds=120))
    assert message == "clients.csv: reading it takes more memory than 64 MB (SMS_PARSER_MEMORY_MB=64)"


def test_a_workbook_that_unpacks_to_a_thousand_times_its_size(
    workbook_file: Callable[..., Path], tmp_path: Path, request_for: Callable[..., StagingRequest]
) -> None:
    path, bomb = workbook_file([["Mobile"], ["0612345678"]]), tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path) as book, zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in book.namelist():
            content = book.read(name)
            if name == "xl/worksheets/sheet1.xml":
                content = content.replace(
                    b"</sheetData>", b'<row><c t="str"><v>1</v></c></row>' * 4_000_000 + b"</sheetData>"
                )
            packed.writestr(name, content)
    assert bomb.stat().st_size < 1_000_000
    assert "SMS_PARSER_MEMORY_MB=64" in refusal(request_for(bomb), ParserLimits(memory_mb=64, seconds=120))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(b"Mobile" + b";x" * 1_000_000 + b"\n06\n", "1000001 columns; allowed: up to 16384", id="columns"),
        pytest.param(b"\0" * 1_000_000, "NUL", id="zeros"),
        pytest.param(bytes(range(256)) * 4_000, "0x80", id="rubbish"),
        pytest.param(bytes(range(1, 256)) * 4_000, "no letter", id="rubbish without zeros"),
        pytest.param(b'"' * 1_000_001, "no header", id="quotes"),
    ],
)
def test_rubbish_is_one_line(
    text_file: Callable[..., Path], content: bytes, words: str, request_for: Callable[..., StagingRequest]
) -> None:
    request = request_for(text_file(content))
    message = refusal(request, ROOMY)
    assert words in message
    assert "crash" not in message
    assert len(message) < 4_000


def test_a_line_of_zeros_is_a_row(text_file: Callable[..., Path], request_for: Callable[..., StagingRequest]) -> None:
    staged = stage_in_child(request_for(text_file(b"Mobile;Nom\n06;" + b"\0" * 1_000_000)), ROOMY)
    assert staged.reject_reasons == {"control_characters": 1}


def test_a_field_of_megabytes_harms_its_row_alone(
    text_file: Callable[..., Path], request_for: Callable[..., StagingRequest]
) -> None:
    field = "x" * 2_000_000
    staged = stage_in_child(
        request_for(text_file(f'Mobile;Nom\n0612345678;A\n0612345679;{field}\n06;"{field}"\n0612345670;B\n')), ROOMY
    )
    assert (staged.row_count, staged.reject_reasons) == (4, {"field_too_long": 2})


def test_more_time_than_allowed(
    text_file: Callable[..., Path],
    request_for: Callable[..., StagingRequest],
    freeze_parser: Callable[[str], None],
) -> None:
    message = refusal(request_for(text_file(TABLE)), ParserLimits(memory_mb=1024, seconds=2), freeze_parser)
    assert message == "clients.csv: reading it takes longer than 2 seconds (SMS_PARSER_SECONDS=2)"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        pytest.param("import os; os.kill(os.getpid(), 11)", "SIGSEGV", id="segmentation fault"),
        pytest.param("import os; os.abort()", "SIGABRT", id="abort"),
        pytest.param("raise ValueError('0612345678 is secret')", "ValueError", id="an error of ours"),
        pytest.param("raise SystemExit(3)", "exit status 3", id="an exit"),
    ],
)
def test_a_crash_is_the_refusal_of_the_file(
    text_file: Callable[..., Path],
    request_for: Callable[..., StagingRequest],
    monkeypatch: pytest.MonkeyPatch,
    code: str,
    words: str,
) -> None:
    monkeypatch.setattr(parser, "_START", f"""print('{{"started": 1}}', flush=True); {code}""")
    message = refusal(request_for(text_file(TABLE)), ROOMY)
    assert f"the parser crashes on it: {words}" in message
    assert "secret" not in message


def test_a_parser_that_does_not_start_is_no_fault_of_the_file(
    text_file: Callable[..., Path],
    request_for: Callable[..., StagingRequest],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(parser, "_START", "import nothing_of_that_name")
    with pytest.raises(RuntimeError, match="does not start: ModuleNotFoundError"):
        stage_in_child(request_for(text_file(TABLE)), ROOMY)


def test_an_interrupted_parent_leaves_no_child(
    text_file: Callable[..., Path],
    request_for: Callable[..., StagingRequest],
    freeze_parser: Callable[[str], None],
) -> None:
    def interrupt(line: str) -> None:
        freeze_parser(line)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stage_in_child(request_for(text_file(TABLE)), ROOMY, interrupt)


def test_the_child_of_a_killed_parent_dies(text_file: Callable[..., Path], tmp_path: Path) -> None:
    code = f"""
        import os, signal, time
        from pathlib import Path
        from campanile.files.parsing.stage import ParserLimits, StagingRequest, stage_in_child
        def freeze(_):
            pids = [int(pid) for file in Path("/proc/self/task").glob("*/children") for pid in file.read_text().split()]
            os.kill(pids[0], signal.SIGSTOP)
            print(pids[0], flush=True)
        request = StagingRequest(Path({str(text_file(TABLE))!r}), Path({str(tmp_path)!r}), "FR", None)
        stage_in_child(request, ParserLimits(512, 60), freeze)
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout
        child = Path("/proc") / owner.stdout.readline().strip()
        assert child.exists()
        owner.kill()
    deadline = time.monotonic() + 30
    while child.exists() and "\nState:\tZ" not in (child / "status").read_text():
        assert time.monotonic() < deadline, "the child outlived its parent"
        time.sleep(0.05)


def test_answers_go_as_json_and_come_back(
    text_file: Callable[..., Path], request_for: Callable[..., StagingRequest]
) -> None:
    request = request_for(text_file(TABLE))
    assert StagingRequest.from_json(request.to_json()) == request
    staged = stage_contact_file(request)
    assert StagedFile.from_json(staged.to_json()) == staged
