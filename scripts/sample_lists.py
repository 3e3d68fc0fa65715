"""The rows of the smaller sample files: newsletter, trade fair, opt-outs; many people are in the shop's file too."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import cycle

from scripts.sample_rows import WRITINGS, People, Person, Row, international


def distinct_people(rows: Sequence[Row]) -> list[Person]:
    """Return each person with a usable number and a first name, once, in the order of the file."""
    usable = [row.person for row in rows if row.reason is None and row.person.first_name]
    return list({person.number: person for person in reversed(usable)}.values())[::-1]


def written(person: Person, writing: str) -> str:
    """Return a mainland number in one of its spellings, or another number in international form."""
    return WRITINGS[writing](person.national) if person.territory == "FR" else international(person)


def newsletter_cells(person: Person, number: str, source: str = "website") -> tuple[object, ...]:
    """Return a row of the newsletter: mail, names, number, when and where people agreed."""
    mail = f"reader{person.rank}@example.org"
    agreed_on = f"2025-{person.rank % 12 + 1:02}-{person.rank % 28 + 1:02}"
    return (mail, person.first_name, person.last_name, number, agreed_on, source)


def newsletter_rows(people: People, shop: Sequence[Row]) -> list[Row]:
    """Return the newsletter's rows in the order of the file."""
    writings = cycle(["plus", "national", "plus and spaces", "spaces", "33 without plus"])
    both = distinct_people(shop)[::11][:120]
    new = [people.new() for _ in range(150)]
    rows = [
        *(Row("also in the shop's file", who, newsletter_cells(who, written(who, next(writings)))) for who in both),
        *(Row("only here", who, newsletter_cells(who, written(who, next(writings)))) for who in new),
    ]
    rows = rows[::2] + rows[1::2]
    rows += [replace(row, category="same row again") for row in rows[:10]]
    for who in (row.person for row in rows[40:48]):
        rows.append(Row("agreed again in a shop", who, newsletter_cells(who, written(who, "dots"), "shop")))
    return rows + _refused(
        people,
        newsletter_cells,
        [
            ("no number", "empty_number", 4, ""),
            ("letters", "letters", 2, "ask me"),
            ("landline", "not_mobile", 3, "+33 1 99 00 12 34"),
            ("Spain", "country_not_allowed", 3, "+34 612 345 678"),
        ],
    )


def fair_cells(person: Person, number: object, stand: str = "") -> tuple[object, ...]:
    """Return a row of the fair's sheet: names, number and postcode (numbers, as Excel makes them), stand."""
    postcode: object = int(person.postcode) if person.postcode.isdigit() else person.postcode
    return (person.last_name, person.first_name, number, postcode, stand or f"Allée {person.rank % 7 + 1}")


def fair_rows(people: People, shop: Sequence[Row], newsletter: Sequence[Row]) -> list[Row]:
    """Return the fair's rows in the order of the sheet."""
    with_code = [people.new() for _ in range(60)]
    without_zero = [people.new() for _ in range(30)]
    as_text = [people.new() for _ in range(20)]
    in_shop = distinct_people(shop)[5::70][:16]
    readers = [row.person for row in newsletter if row.category == "only here"][::30][:4]
    rows = [
        *(Row("number cell with 33", who, fair_cells(who, who.number)) for who in with_code),
        *(Row("number cell without its zero", who, fair_cells(who, int(who.national))) for who in without_zero),
        *(Row("text cell", who, fair_cells(who, written(who, "spaces"))) for who in as_text),
        *(Row("also in the shop's file", who, fair_cells(who, written(who, "plus and spaces"))) for who in in_shop),
        *(Row("also in the newsletter only", who, fair_cells(who, who.number)) for who in readers),
    ]
    rows = rows[::3] + rows[1::3] + rows[2::3]
    rows += [replace(row, category="same row again") for row in rows[:6]]
    for who in (row.person for row in rows[20:23]):
        rows.append(Row("came back to another stand", who, fair_cells(who, who.number, "Grand hall")))
    return rows + _refused(
        people,
        fair_cells,
        [
            ("no number", "empty_number", 4, None),
            ("landline", "not_mobile", 3, 199001234),
            ("too short", "too_short", 2, 61234567),
            ("Spain", "country_not_allowed", 2, 34612345678),
        ],
    )


def opt_out_rows(people: People, lists: Sequence[Sequence[Row]]) -> list[Row]:
    """Return the opt-outs: people of each list, people of no list, and two unreadable cells."""
    writings = cycle(["national", "plus", "dots", "plus and (0), spaces", "0033", "leading zero lost"])
    listed = [who for rows, step, take in zip(lists, (90, 50, 35), (14, 5, 3), strict=True) for who in
              distinct_people(rows)[7::step][:take]]  # fmt: skip
    strangers = [people.new("RE" if rank % 6 == 0 else "FR") for rank in range(16)]
    rows = [
        *(Row("in a list", who, (written(who, next(writings)), _day(who), "SMS")) for who in listed),
        *(Row("in no list", who, (written(who, next(writings)), _day(who), "téléphone")) for who in strangers),
    ]
    rows = rows[::2] + rows[1::2]
    bad = people.new(has_number=False)
    rows.insert(11, Row("letters", bad, ("voir le mail", "2026-02-11", "mail"), "letters"))
    rows.insert(29, Row("too short", bad, ("06 12 34 56", "2026-02-12", "mail"), "too_short"))
    return rows


def _day(person: Person) -> str:
    return f"2026-02-{person.rank % 28 + 1:02}"


def _refused(
    people: People, cells: Callable[..., tuple[object, ...]], categories: Sequence[tuple[str, str, int, object]]
) -> list[Row]:
    def rows() -> Iterator[Row]:
        for category, reason, amount, number in categories:
            for _ in range(amount):
                person = people.new(has_number=False)
                yield Row(category, person, cells(person, number), reason)

    return list(rows())
