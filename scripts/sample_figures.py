"""The expected result of every sample row, counted from the categories alone, without Campanile."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import Any

from scripts.sample_rows import ALLOWED, FIRST_NAMES, Sample

DEFAULT = "cher client"
FIELD = f"{{first_name|{DEFAULT}}}"
TEXT = (
    f"MABOUTIQUE: bonjour {FIELD}, -30 % sur tout le magasin, -40 % avec votre carte de fidélité, "
    "jusqu'à samedi à Lyon. Répondez STOP pour ne plus rien recevoir."
)
LIMITS = {"GSM-7": 160, "UCS-2": 70}  # characters of one segment


def tell_fates(sample: Sample) -> list[str]:
    """Return the result of each row, in order, in a list that was empty before."""
    known: dict[int | None, list[str]] = {}
    fates = []
    for row in sample.rows:
        if row.reason:
            fates.append("rejected")
            continue
        texts = ["" if cell is None else str(cell).strip() for cell in row.cells]
        new = [text for position, text in enumerate(texts) if position != sample.number_at]
        old = known.get(row.person.number)
        known[row.person.number] = [text or before for text, before in zip(new, old or new, strict=True)]
        fates.append("accepted" if old is None else "duplicate" if known[row.person.number] == old else "updated")
    return fates


def expect(samples: Sequence[Sample]) -> dict[str, Any]:
    """Return every figure of the demo."""
    lists = {sample.list_name: numbers_of(sample) for sample in samples if sample.list_name}
    opted_out = numbers_of(samples[-1])
    everybody = set().union(*lists.values())
    return {
        "region": "FR",
        "allowed_territories": ALLOWED,
        "files": {sample.name: _expect_file(sample) for sample in samples},
        "lists": {name: len(numbers) for name, numbers in lists.items()},
        "overlaps": {
            "+".join(names): len(set.intersection(*(lists[name] for name in names)))
            for size in (2, 3)
            for names in combinations(lists, size)
        },
        "opt_outs": {
            "numbers": len(opted_out),
            "in_a_list": len(opted_out & everybody),
            "in_no_list": len(opted_out - everybody),
            "by_list": {name: len(opted_out & numbers) for name, numbers in lists.items()},
        },
        "campaign": _expect_campaign(samples, everybody, opted_out),
        "magasin_postcodes": _expect_postcodes(samples[0]),
    }


def numbers_of(sample: Sample) -> set[int]:
    """Return the distinct usable numbers of a file, as digits."""
    return {row.person.number for row in sample.rows if row.reason is None and row.person.number}


def _expect_file(sample: Sample) -> dict[str, Any]:
    fates = tell_fates(sample)
    outcomes = Counter((row.category, fate, row.reason or "") for row, fate in zip(sample.rows, fates, strict=True))
    return {
        "list": sample.list_name or None,
        "written": sample.written,
        "rows": len(sample.rows),
        "fates": {fate: fates.count(fate) for fate in ("accepted", "updated", "duplicate", "rejected")},
        "rejected_by_reason": dict(sorted(Counter(row.reason for row in sample.rows if row.reason).items())),
        "distinct_numbers": len(numbers_of(sample)),
        "categories": [
            {"category": category, "rows": rows, "fate": fate, "reason": reason or None}
            for (category, fate, reason), rows in sorted(outcomes.items(), key=lambda item: (item[0][1], item[0]))
        ],
    }


def _expect_campaign(samples: Sequence[Sample], everybody: set[int], opted_out: set[int]) -> dict[str, Any]:
    people = {row.person.number: row.person for sample in samples[:-1] for row in sample.rows if not row.reason}
    names = [people[number].first_name for number in sorted(everybody - opted_out)]
    return {
        "audience": len(everybody),
        "opted_out": len(everybody & opted_out),
        "recipients": len(names),
        "by_territory": _counted(people[number].territory for number in everybody - opted_out),
        "by_encoding": _counted(map(_encoding, names)),
        "without_first_name": names.count(""),
        "more_than_one_segment_without_stop_mention": sum(_length(name) > LIMITS[_encoding(name)] for name in names),
    }


def _encoding(first_name: str) -> str:
    return FIRST_NAMES.get(first_name, "GSM-7")


def _length(first_name: str) -> int:
    return len(TEXT.replace(FIELD, first_name or DEFAULT))


def _expect_postcodes(shop: Sample) -> dict[str, int]:
    postcodes: dict[tuple[int | None, str], str] = {}
    for row in shop.rows:
        if row.reason is None:
            key = (row.person.number, row.person.territory)
            postcodes[key] = row.person.postcode or postcodes.get(key, "")
    mainland = [postcode for (_, territory), postcode in postcodes.items() if territory == "FR"]
    return {
        "mainland_57_67_68": sum(postcode[:2] in ("57", "67", "68") for postcode in mainland),
        "mainland_without_postcode": mainland.count(""),
        "97133": list(postcodes.values()).count("97133"),
        "97150": list(postcodes.values()).count("97150"),
    }


def _counted(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items(), key=lambda item: (-item[1], item[0])))
