"""The spool of callbacks: pages go through all days once, and no reader misses what was written."""

import fcntl
import threading
from datetime import UTC, datetime, timedelta

import pytest

from campanile.gateways.callbacks.spool import (
    LOCK_NAME,
    Callback,
    SpoolWriter,
    has_receiver,
    read_epoch,
    read_spool,
    received_into,
)
from campanile.sms.errors import ConfigurationError, GatewayDenied

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def day_of(number):
    return NOW + timedelta(days=number)


@pytest.fixture
def writer(tmp_path):
    writer = SpoolWriter(tmp_path, "reports", keep_days=2)
    yield writer
    writer.close()


def read_all(folder, limit):
    found, cursor = [], ""
    while page := read_spool(folder, "reports", cursor, limit)[0]:
        found += [callback.content for callback in page]
        cursor = read_spool(folder, "reports", cursor, limit)[1]
    return found


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_pages_go_through_all_days_once(tmp_path, writer, limit):
    for number in range(5):
        writer.append([Callback(f"{number}", day_of(number // 2)), Callback(f"{number}b", day_of(number // 2))])
    assert read_all(tmp_path, limit) == ["0", "0b", "1", "1b", "2", "2b", "3", "3b", "4", "4b"]


def test_torn_line_is_nothing_until_it_is_cut(tmp_path, writer):
    writer.append([Callback("whole", NOW)])
    writer.close()
    [path] = tmp_path.glob("reports-*")
    with path.open("a") as file:
        file.write('{"received_at": "2026')
    callbacks, cursor = read_spool(tmp_path, "reports", "", 9)
    assert [callback.content for callback in callbacks] == ["whole"]
    SpoolWriter(tmp_path, "reports", keep_days=2).append([Callback("next", NOW)])
    assert [callback.content for callback in read_spool(tmp_path, "reports", cursor, 9)[0]] == ["next"]


def test_torn_line_of_yesterday_hides_nothing_of_today(tmp_path, writer):
    writer.append([Callback("whole", NOW)])
    writer.close()
    [path] = tmp_path.glob("reports-*")
    with path.open("a") as file:
        file.write('{"received')
    SpoolWriter(tmp_path, "reports", keep_days=2).append([Callback("today", day_of(1))])
    assert read_all(tmp_path, 9) == ["whole", "today"]


def test_clock_set_back_writes_where_readers_still_look(tmp_path, writer):
    writer.append([Callback("today", day_of(1))])
    cursor = read_spool(tmp_path, "reports", "", 9)[1]
    writer.append([Callback("set back", day_of(0))])
    writer.close()
    SpoolWriter(tmp_path, "reports", keep_days=2).append([Callback("set back, after a start", day_of(0))])
    found, _ = read_spool(tmp_path, "reports", cursor, 9)
    assert [callback.content for callback in found] == ["set back", "set back, after a start"]


def test_old_days_go_and_their_cursors_still_lead_on(tmp_path, writer):
    writer.append([Callback("0", day_of(0))])
    cursor = read_spool(tmp_path, "reports", "", 9)[1]
    for number in (1, 2, 3):
        writer.append([Callback(str(number), day_of(number))])
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"reports-{day_of(number).date()}.jsonl" for number in (1, 2, 3)
    ]
    found, _ = read_spool(tmp_path, "reports", cursor, 9)
    assert [callback.content for callback in found] == ["1", "2", "3"]


WRONG_CURSORS = [("of another gateway", "17"), ("beyond the end", "2026-11-23/4000"), ("no day", "2026-99-23/0")]


@pytest.mark.parametrize("cursor", [row[1] for row in WRONG_CURSORS], ids=[row[0] for row in WRONG_CURSORS])
def test_wrong_cursor_is_refused(tmp_path, writer, cursor):
    writer.append([Callback("0", NOW)])
    with pytest.raises(GatewayDenied, match="cursor"):
        read_spool(tmp_path, "reports", cursor, 9)


def test_a_new_spool_has_another_epoch(tmp_path):
    """The name stays with its folder, whichever receiver writes into it."""
    assert read_epoch(tmp_path) == ""
    epochs = []
    for folder in ("old", "old", "new"):
        with received_into(tmp_path / folder):
            epochs.append(read_epoch(tmp_path / folder))
    assert epochs[0] == epochs[1] != epochs[2] != ""


def test_one_receiver_a_spool(tmp_path):
    spool = tmp_path / "spool"
    assert not has_receiver(spool)
    with received_into(spool):
        assert has_receiver(spool)
        with pytest.raises(ConfigurationError, match="another receiver runs on this folder"), received_into(spool):
            raise AssertionError
    assert not has_receiver(spool)


def test_reader_that_looks_does_not_keep_a_receiver_from_starting(tmp_path):
    with received_into(tmp_path):
        pass
    with (tmp_path / LOCK_NAME).open() as looked_at:
        fcntl.flock(looked_at, fcntl.LOCK_SH)
        looking = threading.Timer(0.05, fcntl.flock, (looked_at, fcntl.LOCK_UN))
        looking.start()
        with received_into(tmp_path):
            looking.join()


def test_a_spool_of_a_version_before_is_read(tmp_path):
    line = '{"received_at": "2026-11-23T09:00:00+00:00", "query": "ref=a&status=1"}'
    (tmp_path / "reports-2026-11-23.jsonl").write_text(line + "\n")
    assert read_spool(tmp_path, "reports", "", 9)[0] == [Callback("ref=a&status=1", NOW)]
