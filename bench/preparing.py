"""A draft for a million people to a stored, hashed recap: ours, against a plain one, and what it takes of memory.

The audience is made of a contact file as ``contact_files`` writes it, of people overseas, and of a list that repeats
one person in twenty; of a hundred, three opted out, one number is dead, two are on a list to leave out. Every text is
another one (it has the person's customer number), six in ten are UCS-2, and the STOP mention is added.
"""

import contextlib
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import duckdb

from bench.baseline_recap import prepare_plainly
from bench.contact_files import write_contact_file
from bench.importing import import_file
from bench.racing import Race, cpu_seconds, most_memory_mb, race
from campanile.gateways.registry import manifest_of
from campanile.services.campaigns.prepare import make_recap
from schemas.draft import CampaignDraft
from tasks.context import current_context

ROOT = Path(__file__).parents[1]
SEED = 13
ROWS_A_MESSAGE = 1.1  # of the file: some rows have no number, some people are left out
DRAFT = CampaignDraft(
    name="bench",
    text="Bonjour {first_name|cher client}, 20 € offerts dès 100 € d'achat dans votre boutique de {ville} : présentez "
    "la carte {client} avant samedi 19 h. La Belle Saison",
    sender_id="BELLESAISON",
    lists=["clients", "overseas", "regulars"],
    exclude_lists=["staff"],
    actor="camille",
)
PEOPLE = """
UPDATE contact SET fields = regexp_replace(fields, '"first_name":"[^"]*",', '') WHERE number_id % 20 = 7;
INSERT INTO contact_list BY NAME
    SELECT unnest([2, 3, 4]) AS list_id, unnest(['overseas', 'regulars', 'staff']) AS list_name, is_sample, created_at
    FROM contact_list;
UPDATE contact_list SET legal_basis = 'consent', declared_by = 'camille', declared_at = created_at;
INSERT INTO contact BY NAME
    SELECT * REPLACE (2 AS list_id, 262692000000 + row_number AS number_id, 'RE' AS territory,
        '+' || (262692000000 + row_number) AS msisdn)
    FROM contact WHERE number_id % 50 = 11;
INSERT INTO contact BY NAME SELECT * REPLACE (3 AS list_id) FROM contact WHERE list_id = 1 AND number_id % 20 = 4;
INSERT INTO contact BY NAME SELECT * REPLACE (4 AS list_id) FROM contact WHERE list_id = 1 AND number_id % 50 = 5;
INSERT INTO opt_out_entry BY NAME
    SELECT row_number() OVER () AS entry_id, number_id AS opt_out_key, 'file' AS source, updated_at AS recorded_at
    FROM contact WHERE list_id = 1 AND number_id % 100 < 3;
INSERT INTO dead_number BY NAME
    SELECT number_id, msisdn, 'absent' AS reason, updated_at AS recorded_at
    FROM contact WHERE list_id = 1 AND number_id % 100 = 3;
"""


class Outcome(NamedTuple):
    """What a campaign ends with; ``mark`` is the same for the same people with the same texts, sizes and prices."""

    message_count: int
    segment_count: int
    total_price: Decimal
    mark: int


@dataclass(frozen=True, slots=True)
class RecapFootprint:
    """What one recap took, in a process of its own: CPU and wall-clock seconds, and the most memory in MB."""

    message_count: int
    seconds: float
    wall_seconds: float
    most_mb: float


def whole_recap(size: int, rounds: int) -> Race:
    """A draft for about so many people to a stored recap; both sides end with the same messages, to the cent."""
    with tempfile.TemporaryDirectory() as folder, in_house(Path(folder)):
        mine, theirs = build_store(Path(folder), size), Path(folder) / "theirs.duckdb"
        shutil.copy(mine, theirs)
        numbers = itertools.count(1)
        prices = current_context().tariff(DRAFT.gateway).prices
        manifest = manifest_of(DRAFT.gateway)
        mentions = {territory: manifest.sender_rule(territory, DRAFT.sender_id).stop_mention for territory in prices}

        def prepare() -> int:
            return make_recap(
                current_context(), DRAFT.model_copy(update={"name": f"bench-{next(numbers)}"})
            ).campaign_id

        def prepare_too() -> int:
            campaign_id = next(numbers)
            prepare_plainly(theirs, campaign_id, DRAFT, prices, mentions)
            return campaign_id

        def is_same(ours: int, other: int) -> bool:
            return outcome(mine, ours) == outcome(theirs, other)

        return race(
            "draft to recap", size, prepare, "pandas merges, re.sub, smsutil, hashlib", prepare_too,
            rounds=min(rounds, 3), is_same=is_same,
        )  # fmt: skip


def recap_footprint(size: int) -> RecapFootprint:
    """Prepare a campaign to about so many people in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        build_store(Path(folder), size)
        command = [sys.executable, "-m", "bench.preparing", folder]
        measured = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
        return RecapFootprint(**json.loads(measured.stdout.splitlines()[-1]))


def measure(folder: Path) -> RecapFootprint:
    """Prepare a campaign in a folder that ``build_store`` filled and return what this process took."""
    with in_house(folder):
        started, started_cpu = time.monotonic(), cpu_seconds()
        recap = make_recap(current_context(), DRAFT)
        return RecapFootprint(
            message_count=recap.message_count,
            seconds=cpu_seconds() - started_cpu,
            wall_seconds=time.monotonic() - started,
            most_mb=most_memory_mb(),
        )


def build_store(folder: Path, size: int) -> Path:
    """Make a store in ``folder`` whose lists give about so many messages, and return it."""
    path = write_contact_file(folder / "contacts.csv", int(size * ROWS_A_MESSAGE), SEED)
    import_file(path, folder)
    path.unlink()
    with duckdb.connect(str(folder / "store.duckdb")) as connection:
        connection.execute(PEOPLE)
    return folder / "store.duckdb"


@contextlib.contextmanager
def in_house(folder: Path) -> Iterator[None]:
    """Work on the store in a folder, and leave the process as it was."""
    paths = {"DATA_DIR": folder, "STORE_PATH": folder / "store.duckdb", "TARIFF_DIR": ROOT / "data" / "tariffs"}
    try:
        with mock.patch.dict(os.environ, {f"SMS_{name}": str(path) for name, path in paths.items()}):
            forget_house()
            yield
    finally:
        forget_house()


def forget_house() -> None:
    """Forget what a process reads once."""
    current_context.cache_clear()
    current_context.cache_clear()


def outcome(store: Path, campaign_id: int) -> Outcome:
    """Return what the messages of a campaign amount to, as they are stored."""
    with duckdb.connect(str(store), read_only=True) as connection:
        sql = (
            "SELECT count(*), sum(segment_count), sum(price), "
            "bit_xor(hash(recipient_id, msisdn, text, encoding, segment_count, price, territory)) "
            "FROM message WHERE campaign_id = ?"
        )
        return Outcome(*connection.execute(sql, [campaign_id]).fetchall()[0])


if __name__ == "__main__":
    print(json.dumps(asdict(measure(Path(sys.argv[1])))))
