"""Number cells in great numbers: clean ones, everyday dirt, and mutated ones for every plan; the same for a seed."""

import random
from collections.abc import Callable, Iterator
from typing import Any

from phonenumbers import PhoneMetadata

REGIONS = ("FR", "BE", "CH", "DE", "ES", "GB", "US", "RE", "GP", "IT")
OTHER_REGIONS = ("LU", "AR", "BR", "MX", "AU", "CA", "YT", "MQ", "GF", "PM", "NC", "PF", "KZ")

_WAYS = ("0{}", "+33{}", "0033{}", "+33 {}", "0{} ")
_KINDS = ("mobile",) * 6 + (
    "fixed_line", "toll_free", "premium_rate", "shared_cost", "personal_number", "voip", "pager", "uan",
)  # fmt: skip
_LEADS = (
    "0", "", "+{}", "00{}", "{}", "+{}0", "00{}0", "{}0", "+{} (0)", "+{}(0) ", "011{}", "00", "+", "1", "+00{}",
    "0+{}", "(+{})",
)  # fmt: skip
_GAPS = (" ", ".", "-", "\u00a0", "\u202f", "/", " - ", "  ", "–")
_STRANGE: tuple[Callable[[str], str], ...] = (
    "{}.0".format, "{},00".format, "'{}".format, '="{}"'.format, " {}".format, "{} ".format, "Tel: {}".format,
    "{} (perso)".format, "{0}/{0}".format, "{0} ou {0}".format, "{0}{0}{0}".format, "\u200e{}".format, "{}\t".format,
    "({})".format, "{}.".format, ".{}".format, "{}²".format, "'{}.0".format, "{}.0 ".format, "{}0.00".format,
    "' {}".format, "{}\n".format, " '{}".format, "{}'".format, "{};".format, "{} ext. 12".format,
    lambda text: text.replace("6", "６"), lambda text: text.replace("0", "O"), lambda text: f"({text[:3]}) {text[3:]}",
    lambda text: f"{text[:1]}+{text[1:]}", lambda text: f"{text[:4]}( 0 ){text[4:]}",
    lambda text: f"{text[:4]}(0 ){text[4:]}", lambda text: f"{text[:3]},{text[3:]}",
    lambda text: f"{text[:5]}\x1c{text[5:]}", lambda text: "6,12E+08", lambda text: "",
    lambda text: "  ", lambda text: "-", lambda text: "1970-01-01",
)  # fmt: skip


def clean_cells(count: int, seed: int) -> list[str]:
    """Return distinct French mobiles in five ways of writing them."""
    dice = random.Random(seed)
    return [_WAYS[n % 5].format(number) for n, number in enumerate(dice.sample(range(640_000_000, 690_000_000), count))]


def dirty_cells(count: int, seed: int, share: float = 0.02) -> list[str]:
    """Return clean cells, a share of them with the dirt of everyday files: text, two numbers, missing digits, none."""
    dice = random.Random(seed)
    dirt: tuple[Callable[[str], str], ...] = (
        "Tel: {}".format, "{} ext. 12".format, lambda text: f"{text} / 01 23 45 67 89", lambda text: text[:4],
        lambda text: "", lambda text: text[:-1], lambda text: f"{text}5", lambda text: text.replace("6", "1", 1),
    )  # fmt: skip
    return [dice.choice(dirt)(text) if dice.random() < share else text for text in clean_cells(count, seed)]


def mutated_cells(region: str, count: int, seed: int) -> Iterator[str]:
    """Yield cells around the example numbers of a region's plan, and of others: cut, lengthened, dressed, damaged."""
    dice = random.Random(f"{region} {seed}")
    for _ in range(count):
        origin = region if dice.random() < 0.85 else dice.choice(REGIONS + OTHER_REGIONS)
        text = _grouped(dice, _lead(dice, origin) + _national(dice, origin))
        yield dice.choice(_STRANGE)(text) if dice.random() < 0.25 else text


def _national(dice: random.Random, region: str) -> str:
    plan: Any = PhoneMetadata.metadata_for_region(region)
    desc = getattr(plan, dice.choice(_KINDS))
    digits = list((desc and desc.example_number) or "612345678")
    for position in range(dice.randrange(len(digits)), len(digits)):
        digits[position] = dice.choice("0123456789")
    chance = dice.random()
    if chance < 0.1:
        del digits[dice.randrange(len(digits))]
    elif chance < 0.2:
        digits.insert(dice.randrange(len(digits)), dice.choice("0123456789"))
    elif chance < 0.35:
        digits[dice.randrange(len(digits))] = dice.choice("0123456789")
    elif chance < 0.45:
        digits = dice.choices("0123456789", k=dice.randrange(1, 13))
    return "".join(digits)


def _lead(dice: random.Random, region: str) -> str:
    plan: Any = PhoneMetadata.metadata_for_region(region)
    return dice.choice(_LEADS).format(plan.country_code)


def _grouped(dice: random.Random, text: str) -> str:
    if dice.random() < 0.5:
        return text
    size, first = dice.choice((2, 3)), dice.choice((0, 2))
    rest = (text[position : position + size] for position in range(first, len(text), size))
    return dice.choice(_GAPS).join([*([text[:first]] if first else []), *rest])
