"""A kill, or a power cut, in the middle of a checkpoint: no commit is lost, and the store opens."""

import shutil
from pathlib import Path

import pytest

from campanile.store.db import checkpoint
from campanile.store.db.checkpoint import BLOCK_BYTES, FIRST_BLOCK_BYTES, undo_path

PARTS = ("", ".wal", ".undo")


def part(path: Path, name: str) -> Path:
    return path.with_name(path.name + name)


@pytest.fixture
def checkpointed(desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A store before a checkpoint, as it is when it begins, and after it: the same commits in all three."""
    desk.start("winter", range(4))
    begun = tmp_path / "begun"
    begun.mkdir()
    keep = checkpoint.keep_blocks

    def keep_and_copy(path: Path, blocks: list[int]) -> None:
        keep(path, blocks)
        assert blocks, "there is something to overwrite"
        for name in PARTS:
            shutil.copy(part(path, name), begun)

    monkeypatch.setattr(checkpoint, "keep_blocks", keep_and_copy)
    monkeypatch.setattr(checkpoint, "is_due", lambda path, *_: True)
    desk.opt_out(1)
    monkeypatch.undo()
    assert not part(desk.path, ".wal").exists(), "the log is in the file"
    assert not undo_path(desk.path).exists()
    return begun / desk.path.name, desk.path.read_bytes()


def opened(desk, path: Path) -> list:
    """Return what stands in a store that a killed process left, twice opened."""
    other = type(desk)(path)
    assert other.broken() == {}, "read first, by a reader"
    found = other.sql("SELECT count(*) FROM opt_out") + other.sql("SELECT count(*) FROM message")
    other.opt_out(2)
    assert not undo_path(path).exists()
    return found


def torn_positions(before: bytes, after: bytes) -> list[int]:
    """Return the blocks of the file that the checkpoint wrote again."""
    starts = range(FIRST_BLOCK_BYTES, len(before), BLOCK_BYTES)
    return [start for start in starts if before[start : start + BLOCK_BYTES] != after[start : start + BLOCK_BYTES]]


@pytest.mark.parametrize("share", [0, 1, 4096, BLOCK_BYTES // 2, BLOCK_BYTES])
def test_a_block_half_written_is_put_back(desk, checkpointed, share: int) -> None:
    begun, after = checkpointed
    before = begun.read_bytes()
    positions = torn_positions(before, after)
    assert positions, "DuckDB writes a live block again in place"
    for start in positions:
        for name in PARTS:
            shutil.copy(part(begun, name), part(desk.path, name))
        desk.path.write_bytes(before[:start] + after[start : start + share] + before[start + share :])
        assert opened(desk, desk.path) == [(1,), (4,)]


def test_without_what_was_kept_it_would_be_lost(desk, checkpointed) -> None:
    """The control: the day this fails, DuckDB no longer writes in place, and all of this may go."""
    begun, after = checkpointed
    before = begun.read_bytes()
    start = torn_positions(before, after)[0]
    half = start + BLOCK_BYTES // 2
    shutil.copy(part(begun, ".wal"), part(desk.path, ".wal"))
    desk.path.write_bytes(before[:start] + after[start:half] + before[half:])
    with pytest.raises(Exception, match="cannot be opened"):
        desk.opt_out(2)
    for name in ("", ".wal"):
        shutil.copy(part(begun, name), part(desk.path, name))


def test_done_but_for_the_last_step_it_is_done(desk, checkpointed) -> None:
    begun, after = checkpointed
    shutil.copy(part(begun, ".undo"), undo_path(desk.path))
    assert desk.path.read_bytes() == after
    assert opened(desk, desk.path) == [(1,), (4,)]


def test_nothing_begun_is_nothing_undone(desk, checkpointed) -> None:
    begun, _ = checkpointed
    for name in PARTS:
        shutil.copy(part(begun, name), part(desk.path, name))
    assert opened(desk, desk.path) == [(1,), (4,)]


def test_commits_stand_in_the_log_until_it_has_grown(desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "is_due", lambda *_: False)
    desk.start("winter", range(4))
    before = desk.path.read_bytes()
    desk.opt_out(1)
    assert desk.path.read_bytes() == before, "a commit only appends to the log"
    assert type(desk)(desk.path).sql("SELECT count(*) FROM opt_out") == [(1,)]
    monkeypatch.setattr(checkpoint, "is_due", lambda path, *_: True)
    with desk.tx(read_only=True):
        pass
    assert desk.path.read_bytes() == before, "who only reads writes nothing"
    desk.opt_out(2)
    assert not part(desk.path, ".wal").exists()


@pytest.mark.parametrize(
    ("attach_seconds", "has_log", "due"),
    [(0.004, True, False), (0.012, True, True), (0.2, True, True), (0.2, False, False)],
    ids=["a short log", "many commits", "a million rows with a key", "a busy machine, and no log"],
)
def test_it_is_due_when_replaying_costs_as_much(
    tmp_path: Path, attach_seconds: float, has_log: bool, due: bool
) -> None:
    store = tmp_path / "sms.duckdb"
    if has_log:
        part(store, ".wal").touch()
    assert checkpoint.is_due(store, attach_seconds, checkpoint.COST_SECONDS) is due
