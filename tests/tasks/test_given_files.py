"""A path that somebody types leads to a file of the allowed folders, or nowhere."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sms.errors import ConfigurationError, SmsError
from tasks.given_files import given_file
from tasks.ingest import find_files, find_opt_out_files
from tasks.settings import settings
from tasks.terms import read_draft

SECRET = "hunter2:x:0:0:root:/root:/bin/bash"


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data folder, beside it one that is allowed by the settings, and one that is not."""
    for folder in ("data/inbox", "shared", "elsewhere", "data-of-another"):
        (tmp_path / folder).mkdir(parents=True)
    for name in ("secret.csv", "secret.yaml"):
        (tmp_path / "elsewhere" / name).write_text(SECRET, encoding="utf-8")
        (tmp_path / "data-of-another" / name).write_text(SECRET, encoding="utf-8")
    for variable in [name for name in os.environ if name.startswith("SMS_")]:
        monkeypatch.delenv(variable)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SMS_DATA_DIR", "data")
    monkeypatch.setenv("SMS_FILE_DIRS", str(tmp_path / "shared"))
    settings.cache_clear()
    yield tmp_path / "data"
    settings.cache_clear()


Read = Callable[[str], object]
READERS: list[tuple[str, Read, str]] = [
    ("ingest-contacts", lambda path: find_files.fn("clients", path), ".csv"),
    ("import-opt-outs", lambda path: find_opt_out_files.fn(path), ".csv"),
    ("prepare-campaign", lambda path: read_draft.fn(None, path), ".yaml"),
]
OUTSIDE = [
    ("by its whole path", "{base}/elsewhere/secret"),
    ("by a path from here", "elsewhere/secret"),
    ("upwards from the data folder", "data/../elsewhere/secret"),
    ("upwards from a folder that is not there", "data/nothing/../../elsewhere/secret"),
    ("in a folder whose name begins alike", "data-of-another/secret"),
]


@pytest.mark.parametrize(("read", "suffix"), [row[1:] for row in READERS], ids=[row[0] for row in READERS])
@pytest.mark.parametrize("path", [row[1] for row in OUTSIDE], ids=[row[0] for row in OUTSIDE])
def test_a_file_elsewhere_is_not_read(data: Path, read: Read, suffix: str, path: str) -> None:
    with pytest.raises(ConfigurationError, match="not in a folder that files may be read from") as refused:
        read(path.format(base=data.parent) + suffix)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(("read", "suffix"), [row[1:] for row in READERS], ids=[row[0] for row in READERS])
@pytest.mark.parametrize("is_folder", [False, True], ids=["a link", "a folder that is a link"])
def test_a_link_is_not_followed(data: Path, read: Read, suffix: str, is_folder: bool) -> None:
    if is_folder:
        (data / "linked").symlink_to(data.parent / "elsewhere")
        path = f"data/linked/secret{suffix}"
    else:
        (data / f"linked{suffix}").symlink_to(data.parent / "elsewhere" / f"secret{suffix}")
        path = f"data/linked{suffix}"
    with pytest.raises(ConfigurationError, match="is a link, or goes through one") as refused:
        read(path)
    assert "hunter2" not in str(refused.value)


def test_a_link_that_comes_between_the_check_and_the_reading_is_not_followed(data: Path) -> None:
    from files.opening import open_plain

    path = given_file("data/late.csv")
    path.symlink_to(data.parent / "elsewhere" / "secret.csv")
    with pytest.raises(OSError, match=r"Too many levels of symbolic links"):
        open_plain(path)


def test_what_is_no_file_is_not_opened(data: Path) -> None:
    from files.opening import open_plain

    os.mkfifo(data / "pipe.csv")
    with pytest.raises(OSError, match="no regular file"):
        open_plain(data / "pipe.csv")


@pytest.mark.parametrize("path", ["data/contacts.csv", "data/inbox/contacts.csv", "shared/contacts.csv"])
def test_files_of_the_allowed_folders_are_found(data: Path, path: str) -> None:
    (data.parent / path).write_text("mobile\n", encoding="utf-8")
    assert find_files.fn("clients", path) == [("clients", data.parent / path)]


def test_the_data_folder_itself_may_be_behind_a_link(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (data.parent / "disk").symlink_to(data)
    monkeypatch.setenv("SMS_DATA_DIR", str(data.parent / "disk"))
    settings.cache_clear()
    (data / "contacts.csv").write_text("mobile\n", encoding="utf-8")
    assert given_file(str(data.parent / "disk" / "contacts.csv")).is_file()
    assert given_file(str(data / "contacts.csv")).is_file()


def test_a_draft_is_a_file_of_its_kind(data: Path) -> None:
    (data / "login").write_text(SECRET, encoding="utf-8")
    with pytest.raises(SmsError, match=r"allowed: \.yaml, \.yml, \.json") as refused:
        read_draft.fn(None, "data/login")
    assert "hunter2" not in str(refused.value)
