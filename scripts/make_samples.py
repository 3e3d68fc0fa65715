"""Write data/samples: contact files as partners send them, a draft, and the expected result of every row.

Each run writes the same bytes: ``make samples``, or ``python -m scripts.make_samples [folder]``.
"""

import csv
import io
import json
import re
import sys
import zipfile
from pathlib import Path

import openpyxl

from scripts.sample_figures import TEXT, expect
from scripts.sample_lists import fair_rows, newsletter_rows, opt_out_rows
from scripts.sample_readme import write_readme
from scripts.sample_rows import People, Sample, shop_rows

FOLDER = Path(__file__).parents[1] / "data" / "samples"
CAMPAIGN = f"""# A draft: give it to prepare_campaign. Without send_on it is sent as soon as the policy allows.
name: soldes-hiver
kind: marketing
text: >-
  {TEXT}
sender_id: "36180"
lists: [magasin, newsletter, salon]
numbers: []
exclude_lists: []
gateway: sandbox
policy: fr-strict
actor: Prune Test-Dumoulin
note: Sample campaign; every number and name in it is made up.
"""


def build_samples() -> list[Sample]:
    """Return the four contact files in the order in which the demo imports them."""
    people = People()
    shop = shop_rows(people)
    newsletter = newsletter_rows(people, shop)
    fair = fair_rows(people, shop, newsletter)
    opt_outs = opt_out_rows(people, [shop, newsletter, fair])
    shop_header = ["N° client", "Civilité", "Nom", "Prénom", "Téléphone portable", "Code postal", "Ville", "Remarque"]
    letter_header = ["email", "first_name", "last_name", "mobile", "opt_in_date", "opt_in_source"]
    return [
        Sample("clients_magasin.csv", "magasin", "cp1252, `;`, CRLF", tuple(shop_header), 4, shop),
        Sample("newsletter.csv", "newsletter", "UTF-8 without mark, `,`, LF", tuple(letter_header), 3, newsletter),
        Sample("salon.xlsx", "salon", "Excel sheet", ("Nom", "Prénom", "Mobile", "Code postal", "Stand"), 2, fair),
        Sample("opt_outs.csv", "", "UTF-8 with mark, `;`, CRLF", ("telephone", "date", "source"), 0, opt_outs),
    ]


def shop_bytes(sample: Sample) -> bytes:
    """Return the shop's file as French Excel exports it, broken rows as they are."""

    def quoted(cell: object) -> str:
        text = str(cell)
        is_plain = text.startswith("=") or not any(sign in text for sign in ';\n"')
        return text if is_plain else '"' + text.replace('"', '""') + '"'

    lines = [row.raw if row.raw is not None else ";".join(map(quoted, row.cells)) for row in sample.rows]
    return "".join(f"{line}\r\n" for line in [";".join(sample.header), *lines]).encode("cp1252")


def csv_bytes(sample: Sample, delimiter: str, encoding: str, line_end: str) -> bytes:
    """Return a well-formed CSV."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=delimiter, lineterminator=line_end)
    writer.writerows([sample.header, *(row.cells for row in sample.rows)])
    return buffer.getvalue().encode(encoding)


def workbook_bytes(sample: Sample) -> bytes:
    """Return a workbook without the times that openpyxl and zip put in it, and uncompressed."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Visiteurs"
    for cells in [sample.header, *(row.cells for row in sample.rows)]:
        sheet.append(cells)
    fresh, pinned = io.BytesIO(), io.BytesIO()
    book.save(fresh)
    with zipfile.ZipFile(fresh) as source, zipfile.ZipFile(pinned, "w") as target:
        for name in sorted(source.namelist()):
            content = re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", b"2026-01-05T08:00:00Z", source.read(name))
            target.writestr(zipfile.ZipInfo(name), content)
    return pinned.getvalue()


def make_samples(folder: Path) -> None:
    """Write every file into a folder."""
    samples = build_samples()
    expected = expect(samples)
    shop, newsletter, fair, opt_outs = samples
    contents = {
        shop.name: shop_bytes(shop),
        newsletter.name: csv_bytes(newsletter, ",", "utf-8", "\n"),
        fair.name: workbook_bytes(fair),
        opt_outs.name: csv_bytes(opt_outs, ";", "utf-8-sig", "\r\n"),
        "campaign.yaml": CAMPAIGN.encode(),
        "expected.json": f"{json.dumps(expected, indent=2, ensure_ascii=False)}\n".encode(),
        "README.md": write_readme(expected).encode(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)


if __name__ == "__main__":
    make_samples(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
