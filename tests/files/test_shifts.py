"""A separator inside a row: the row is rejected, or says what was written; no cell stands in another column."""

from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import NamedTuple

import pytest

from campanile.files.parsing.csv_split import split_text
from campanile.files.parsing.stage import StagingRequest, stage_contact_file

HEADER = "telephone;adresse;ville;note"
ADDRESSES = ["12 rue X", "3 place Y", "1 chemin Z", "8 quai V"]
TEXTS = {"adresse": ADDRESSES, "ville": ["Lyon", "Fos", "Pau"], "note": ["gare", "rappeler", "vip"], "nom": ["Du Pont"]}


@pytest.mark.parametrize(
    ("header", "rows", "rejected"),
    [
        pytest.param(HEADER, ["0612340001;12 rue X; bat B;Lyon;"], 1, id="the last column is empty"),
        pytest.param(f"{HEADER};", ["0612340001;12 rue X; bat B;Lyon;;"], 1, id="a header with an empty end"),
        pytest.param(
            f"{HEADER};",
            [*(f"061234{number:04};3 place Y;Fos;vip" for number in range(20)), "0612340099;12 rue X; bat B;Lyon;"],
            1,
            id="a header with an empty end that the rows lack",
        ),
        pytest.param(
            HEADER,
            [*(f"061234{number:04};3 place Y;Fos;vip;" for number in range(20)), "0612340099;12 rue X; bat B;Lyon;;"],
            1,
            id="all rows have an empty end, one has two",
        ),
        pytest.param(
            HEADER,
            [*(f"061234{number:04};3 place Y;Fos;vip;" for number in range(20)), "0612340099;12 rue X; bat B;Lyon;vip"],
            1,
            id="all rows have an empty end, one has it filled",
        ),
        pytest.param(
            HEADER, [f"061234{number:04};3 place Y;Fos;vip;;" for number in range(20)], 0, id="all rows have two"
        ),
        pytest.param(HEADER, [f"061234{number:04};;Fos;;" for number in range(9)], 9, id="too few rows to be sure"),
        pytest.param("telephone", ["0612340001;", "0612340002"], 0, id="a single column cannot shift"),
        pytest.param(
            f"{HEADER};;", [f"061234{number:04};3 place Y;Fos;vip" for number in range(3)], 0, id="a wider header"
        ),
    ],
)
def test_a_surplus_cell_is_forgiven_only_where_nearly_all_rows_have_it(
    tmp_path: Path, header: str, rows: list[str], rejected: int
) -> None:
    path = tmp_path / "clients.csv"
    path.write_text("\n".join([header, *rows, ""]), "utf-8")
    with TemporaryDirectory() as folder:
        staged = stage_contact_file(StagingRequest(path, Path(folder), "FR", None))
    assert staged.reject_reasons == ({"wrong_column_count": rejected} if rejected else {})
    assert staged.row_count == len(rows)


@pytest.mark.parametrize(
    "seeds", [pytest.param(range(30), id="short"), pytest.param(range(10_000), id="whole", marks=pytest.mark.soak)]
)
def test_no_seeded_file_with_a_separator_inside_a_row_is_shifted(seeds: range) -> None:
    shifted, read_count, broken_count = [], 0, 0
    for seed in seeds:
        file = make_file(Random(seed))
        valid, rejected = read_rows(file)
        shifted += [(seed, row) for row, cells in valid.items() if cells != file.rows[row]]
        assert set(valid) | set(rejected) == set(file.rows)
        assert set(file.whole) <= set(valid), seed
        read_count, broken_count = read_count + len(valid), broken_count + len(rejected)
    assert shifted == []
    assert read_count > broken_count > len(seeds) / 2


class MadeFile(NamedTuple):
    """A file, what each of its rows says, and the rows without a separator inside."""

    text: str
    rows: dict[int, list[str]]
    whole: list[int]


def make_file(random: Random) -> MadeFile:
    """Make a file whose rows, but some, are sound; those some have one or two separators inside a text."""
    delimiter = random.choice(";,\t|")
    names = random.sample(list(TEXTS), random.randint(2, 4))
    names.insert(random.randint(0, len(names)), "telephone")
    row_count = random.randint(1, 25)
    end = delimiter * random.choice([0, 0, 1, 2])  # behind each row, and perhaps behind the header
    header_end = end if row_count < 20 or random.random() < 0.5 else ""
    is_often_empty = random.random() < 0.7
    lines, rows, whole = [delimiter.join(names) + header_end], {}, []
    broken = set(random.sample(range(row_count), 1 + row_count // 25))
    for number in range(row_count):
        cells = {name: random.choice(words) for name, words in TEXTS.items()}
        cells["telephone"] = f"061234{random.randint(0, 9999):04}"
        if is_often_empty or random.random() < 0.3:
            cells[names[-1]] = cells[names[-1]] if names[-1] == "telephone" else ""
        if number in broken:
            name = random.choice([name for name in names if name != "telephone"])
            for _ in range(random.choice([1, 1, 2])):
                cells[name] = f"{cells[name]}{delimiter}{random.choice(['', ' '])}bat B"
        else:
            whole.append(number + 2)
        rows[number + 2] = [cells[name] for name in names]
        lines.append(delimiter.join(rows[number + 2]) + end)
    return MadeFile("\n".join([*lines, ""]), rows, whole)


def read_rows(file: MadeFile) -> tuple[dict[int, list[str]], list[int]]:
    """Return the cells of each sound row of a file, by row number, and the rows that were rejected."""
    with TemporaryDirectory() as folder:
        request = StagingRequest(Path(folder) / "clients.csv", Path(folder), "FR", None)
        _, header, table = split_text(file.text.encode(), request, lambda _: None)
        row_numbers = table.finish()
        cells = table.engine.execute("SELECT * EXCLUDE (ordinal) FROM cells ORDER BY ordinal").fetchall()
        broken = table.engine.execute("SELECT row_number, reason FROM broken").fetchall()
        table.engine.close()
    assert {reason for _, reason in broken} <= {"wrong_column_count"}
    rows = zip(row_numbers.tolist(), cells, strict=True)
    return {row: [cell or "" for cell in found[: header.named_width]] for row, found in rows}, [
        row for row, _ in broken
    ]
