"""A path that a person types names a file of the allowed folders, or is refused."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from campanile.files.parsing.source_bytes import open_plain
from campanile.services.campaigns.draft_file import read_draft
from campanile.services.contacts.file_import import find_files, find_opt_out_files
from campanile.services.context import Context
from campanile.services.user_paths import given_file
from campanile.sms.errors import ConfigurationError, SmsError

SECRET = "hunter2:x:0:0:root:/root:/bin/bash"


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder, beside it one that is allowed by the settings, and one that is not."""
    for folder in ("data/inbox", "shared", "elsewhere", "data-of-another"):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    for name in ("secret.csv", "secret.yaml"):
        (tmp_path / "elsewhere" / name).write_text(SECRET, encoding="utf-8")
        (tmp_path / "data-of-another" / name).write_text(SECRET, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "data"


@pytest.fixture
def make_context(make_context: Callable[..., Context], data: Path) -> Callable[..., Context]:
    """With the data folder as people write it."""
    return partial(make_context, data_dir=Path("data"), file_dirs=[data.parent / "shared"])


Read = Callable[[Context, str], object]
READERS: list[tuple[str, Read, str]] = [
    ("ingest-contacts", lambda context, path: find_files(context, "clients", path), ".csv"),
    ("import-opt-outs", find_opt_out_files, ".csv"),
    ("prepare-campaign", lambda context, path: read_draft(context, None, path), ".yaml"),
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
def test_a_file_elsewhere_is_not_read(context: Context, data: Path, read: Read, suffix: str, path: str) -> None:
    with pytest.raises(ConfigurationError, match="not in a folder that files may be read from") as refused:
        read(context, path.format(base=data.parent) + suffix)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(("read", "suffix"), [row[1:] for row in READERS], ids=[row[0] for row in READERS])
@pytest.mark.parametrize("is_folder", [False, True], ids=["a link", "a folder that is a link"])
def test_a_link_is_not_followed(context: Context, data: Path, read: Read, suffix: str, is_folder: bool) -> None:
    if is_folder:
        (data / "linked").symlink_to(data.parent / "elsewhere")
        path = f"data/linked/secret{suffix}"
    else:
        (data / f"linked{suffix}").symlink_to(data.parent / "elsewhere" / f"secret{suffix}")
        path = f"data/linked{suffix}"
    with pytest.raises(ConfigurationError, match="is a link, or goes through one") as refused:
        read(context, path)
    assert "hunter2" not in str(refused.value)


def test_a_link_that_comes_between_the_check_and_the_reading_is_not_followed(context: Context, data: Path) -> None:
    path = given_file(context, "data/late.csv")
    path.symlink_to(data.parent / "elsewhere" / "secret.csv")
    with pytest.raises(OSError, match=r"Too many levels of symbolic links"):
        open_plain(path)


def test_what_is_no_file_is_not_opened(data: Path) -> None:
    os.mkfifo(data / "pipe.csv")
    with pytest.raises(OSError, match="no regular file"):
        open_plain(data / "pipe.csv")


@pytest.mark.parametrize("path", ["data/contacts.csv", "data/inbox/contacts.csv", "shared/contacts.csv"])
def test_files_of_the_allowed_folders_are_found(context: Context, data: Path, path: str) -> None:
    (data.parent / path).write_text("mobile\n", encoding="utf-8")
    assert find_files(context, "clients", path) == [("clients", data.parent / path)]


def test_the_data_folder_itself_may_be_behind_a_link(make_context: Callable[..., Context], data: Path) -> None:
    link = data.parent / "disk"
    link.symlink_to(data)
    context = make_context(data_dir=link)
    (data / "contacts.csv").write_text("mobile\n", encoding="utf-8")
    assert given_file(context, str(link / "contacts.csv")).is_file()
    assert given_file(context, str(data / "contacts.csv")).is_file()


def test_a_draft_is_a_file_of_its_kind(context: Context, data: Path) -> None:
    (data / "login").write_text(SECRET, encoding="utf-8")
    with pytest.raises(SmsError, match=r"allowed: \.yaml, \.yml, \.json") as refused:
        read_draft(context, None, "data/login")
    assert "hunter2" not in str(refused.value)
