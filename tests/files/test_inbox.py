"""Taking files out of the drop folder: only whole ones, each moved once, nothing overwritten."""

import errno
import os
from pathlib import Path

import pytest

from campanile.files.inbox import file_away, stable_files

NOW = 1_800_000_000.0
SHA = "0123456789abcdef" * 4


def drop(path: Path, content: str = "x", age: float = 60) -> Path:
    path.write_text(content)
    os.utime(path, (NOW - age, NOW - age))
    return path


def test_whole_files_come_by_name(tmp_path: Path) -> None:
    for name in ["b.csv", "a.xlsx", "É t é.csv", "$(touch x);.csv"]:
        drop(tmp_path / name)
    found = stable_files(tmp_path, quiet_seconds=5, now=NOW)
    assert [path.name for path in found] == ["$(touch x);.csv", "a.xlsx", "b.csv", "É t é.csv"]


@pytest.mark.parametrize(
    "name",
    ["clients.csv.part", "clients.TMP", "clients.csv.filepart", ".clients.csv", "~$clients.xlsx", "x.crdownload"],
)
def test_unfinished_names_are_left_alone(tmp_path: Path, name: str) -> None:
    drop(tmp_path / name)
    assert stable_files(tmp_path, quiet_seconds=5, now=NOW) == []


@pytest.mark.parametrize(("age", "is_taken"), [(60, True), (5, True), (4, False), (0, False), (-60, False)])
def test_a_file_must_have_been_quiet(tmp_path: Path, age: float, is_taken: bool) -> None:
    drop(tmp_path / "a.csv", age=age)
    assert bool(stable_files(tmp_path, quiet_seconds=5, now=NOW)) is is_taken


def test_only_regular_files_are_taken(tmp_path: Path) -> None:
    target = drop(tmp_path / "real.csv")
    (tmp_path / "link.csv").symlink_to(target)
    (tmp_path / "broken.csv").symlink_to(tmp_path / "nowhere")
    (tmp_path / "folder.csv").mkdir()
    os.mkfifo(tmp_path / "pipe.csv")
    assert stable_files(tmp_path, quiet_seconds=0, now=NOW + 1e9) == [target]


def test_a_folder_that_does_not_exist_is_empty(tmp_path: Path) -> None:
    assert stable_files(tmp_path / "nothing", quiet_seconds=5, now=NOW) == []


def test_a_file_is_moved_under_its_name_and_hash(tmp_path: Path) -> None:
    path = drop(tmp_path / "a.csv", "one")
    archived = file_away(path, tmp_path / "archive", SHA)
    assert archived == tmp_path / "archive" / "a-01234567.csv"
    assert archived.read_text() == "one"
    assert not path.exists()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    paths = [file_away(drop(tmp_path / "a.csv", text), tmp_path / "archive", SHA) for text in ("one", "two", "three")]
    assert [archived.name for archived in paths] == ["a-01234567.csv", "a-01234567-2.csv", "a-01234567-3.csv"]
    assert [archived.read_text() for archived in paths] == ["one", "two", "three"]


def test_the_same_bytes_stay_once(tmp_path: Path) -> None:
    paths = {file_away(drop(tmp_path / "a.csv", "one"), tmp_path / "archive", SHA) for _ in range(2)}
    assert len(paths) == 1
    assert not (tmp_path / "a.csv").exists()


def test_a_move_killed_in_the_middle_is_finished_by_the_next(tmp_path: Path) -> None:
    path = drop(tmp_path / "a.csv", "one")
    archived = file_away(path, tmp_path / "archive", SHA)
    os.link(archived, path)
    assert file_away(path, tmp_path / "archive", SHA) == archived
    assert [file.name for file in tmp_path.rglob("*.csv")] == ["a-01234567.csv"]


@pytest.mark.parametrize("code", [errno.EXDEV, errno.EPERM], ids=["another file system", "no hard links"])
def test_where_there_are_no_links_the_file_is_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def no_link(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "link", no_link)
    paths = [file_away(drop(tmp_path / "a.csv", text), tmp_path / "archive", SHA) for text in ("one", "two", "two")]
    assert [archived.name for archived in paths] == ["a-01234567.csv", "a-01234567-2.csv", "a-01234567-2.csv"]
    assert sorted(file.read_text() for file in (tmp_path / "archive").iterdir()) == ["one", "two"]


@pytest.mark.parametrize("name", ["é" * 120 + ".csv", "a." + "b" * 240, "a b\n;'\".csv", "-rf.csv"])
def test_any_name_can_be_filed_away(tmp_path: Path, name: str) -> None:
    archived = file_away(drop(tmp_path / name), tmp_path / "archive", SHA)
    assert archived.parent == tmp_path / "archive"
    assert archived.exists()
