"""Linter of a campaign's text: avoidable costs, and advice before the campaign is sent.

Each check reads the figures of a prepared campaign and returns at most one finding, as a sentence for readers who know
nothing about encodings. The linter changes nothing: the author decides.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import accumulate
from typing import TypeAlias

from campanile.sms.errors import MissingField
from campanile.sms.text.features import (
    find_links,
    find_promotional_words,
    find_words,
    has_typed_stop,
    is_shortener,
    names_brand,
)
from campanile.sms.text.formatting import amount_text, count_text, grouped
from campanile.sms.text.gsm7 import GSM7, PART_LENGTH, SINGLE_LENGTH, UCS2
from campanile.sms.text.leftovers import LEFTOVER_WORDS, find_leftovers, leftover_patterns, placeholder_name
from campanile.sms.text.lint_finding import NOTHING_SAVED, SEVERITIES, Leftover, LintFinding, SizeCount, Subject
from campanile.sms.text.replacements import LEVELS, replace_characters
from campanile.sms.text.segments import count_segments
from campanile.sms.text.template import render

_MAX_NAMED = 6  # characters that force UCS-2, the others are counted
_CONTROLS = {"\t": "tab", "\v": "line tabulation", "\x85": "next line"}  # the norm gives controls no name
_FEWEST_SHOUTED, _SHOUTED_SHARE = 3, 0.3


Check: TypeAlias = Callable[[Subject], Iterator[LintFinding]]


def lint(subject: Subject) -> list[LintFinding]:
    """Return all findings: first refusals, then costs, the most expensive first, then advice."""
    findings = [finding for check in _CHECKS for finding in check(subject)]
    return sorted(findings, key=lambda finding: (SEVERITIES.index(finding.severity), -(finding.price or 0)))


def _check_ucs2(subject: Subject) -> Iterator[LintFinding]:
    sizes = [size for size in subject.sizes if size.encoding == UCS2]
    count = sum(size.message_count for size in sizes)
    if not count:
        return
    savings = {level: saving for level, saving in subject.savings.items() if saving.segment_count > 0}
    ways = [
        f"{level} would save {amount_text(savings[level].price, subject.unit)}" for level in LEVELS if level in savings
    ]
    best = max(savings.values(), key=lambda saving: saving.price, default=NOTHING_SAVED)
    surplus = sum((_plain_saving(size) for size in sizes), Decimal())
    if ways:
        advice = f"replace_characters: {', '.join(ways)}"
    elif surplus:
        advice = f"nothing replaces them; without them about {amount_text(surplus, subject.unit)} less would be paid"
    else:
        advice = "that costs nothing here: without them there would be as many segments"
    verb = "allows" if len(subject.forcing) == 1 else "allow"
    words = (
        f"{_name_characters(subject.forcing)} {verb} only 70 characters a segment instead of 160 in "
        f"{count_text(count, 'message')}; {advice}."
    )
    severity = "costs" if ways or surplus else "advice"
    yield LintFinding("ucs2", severity, words, count, best.segment_count, best.price or surplus)


def _plain_saving(size: SizeCount) -> Decimal:
    """Return the saving if messages of a size were as long in GSM-7."""
    fits = size.unit_count <= SINGLE_LENGTH[GSM7]
    plain_count = 1 if fits else -(-size.unit_count // PART_LENGTH[GSM7])
    return size.price - size.price * plain_count / size.segment_count


def _check_length(subject: Subject) -> Iterator[LintFinding]:
    long = [size for size in subject.sizes if size.segment_count > 1]
    if not long:
        return
    count = sum(size.message_count for size in long)
    total = sum(size.message_count for size in subject.sizes)
    price = sum((size.price - size.price / size.segment_count for size in long), Decimal())
    half, whole = _characters_to_cut(long, -(-count // 2)), _characters_to_cut(long, count)
    halfway = f"{count_text(half, 'character')} less would make half of them fit, " if half < whole else ""
    words = (
        f"{grouped(count)} of {count_text(total, 'message')} {'does' if count == 1 else 'do'} not fit in one segment, "
        f"which costs {amount_text(price, subject.unit)} more; {halfway}"
        f"{count_text(whole, 'character')} less would make {'it' if count == 1 else 'them all'} fit."
    )
    segments = sum(size.message_count * (size.segment_count - 1) for size in long)
    yield LintFinding("over_one_segment", "costs", words, count, segments, price)


def _check_worst_case(subject: Subject) -> Iterator[LintFinding]:
    text = _longest_text(subject)
    size = count_segments(text) if text is not None else None
    if not subject.template.fields or size is None or size.segment_count < 2:
        return
    price = amount_text(subject.segment_price * size.segment_count, subject.unit)
    words = (
        f"With the longest value of every merge field the text counts {count_text(size.unit_count, 'character')}, "
        f"{size.segment_count} segments, up to {price} a message."
    )
    yield LintFinding("worst_case", "advice", words)


def _check_outer_spaces(subject: Subject) -> Iterator[LintFinding]:
    text = subject.template.text
    ends = {"starts": len(text) - len(text.lstrip()), "ends": len(text) - len(text.rstrip())}
    found = [f"{verb} with {count_text(count, 'blank')}" for verb, count in ends.items() if count]
    if found:
        counts = "counts" if sum(ends.values()) == 1 else "count"
        words = f"The text {' and '.join(found)}, which {counts} and cannot be seen."
        yield LintFinding("outer_spaces", "advice", words)


def _check_links(subject: Subject) -> Iterator[LintFinding]:
    links = find_links(_longest_text(subject) or _plain_text(subject))
    if links and subject.forbids_links:
        words = (
            f"The gateway blocks links in texts from {subject.sender_id}: take {_list(links)} out or sign with a name."
        )
        yield LintFinding("link_refused", "refused", words)
    shorteners = [site for site in links if is_shortener(site)]
    if shorteners:
        words = (
            f"Operators block public link shorteners and people mistrust them: {_list(shorteners)} may lose readers."
        )
        yield LintFinding("link_shortener", "advice", words)


def _check_brand(subject: Subject) -> Iterator[LintFinding]:
    if not subject.sender_id.isdecimal():
        return
    number = f"The sender {subject.sender_id} is a number"
    if subject.brand is None:
        words = f"{number}: name your brand in the text, and in SMS_BRAND to have that checked."
        yield LintFinding("no_brand", "advice", words)
    elif not names_brand(_plain_text(subject), subject.brand):
        words = f"{number} and the text does not name {subject.brand}: people do not know who writes."
        yield LintFinding("no_brand", "advice", words)


def _check_capitals(subject: Subject) -> Iterator[LintFinding]:
    words = find_words(_plain_text(subject))
    shouted = sum(word.isupper() for word in words)
    if shouted >= _FEWEST_SHOUTED and shouted >= _SHOUTED_SHARE * len(words):
        said = (
            f"{shouted} of {len(words)} words are in CAPITALS, which reads as shouting and which filters take for spam."
        )
        yield LintFinding("capitals", "advice", said)


def _check_promotion(subject: Subject) -> Iterator[LintFinding]:
    found = find_promotional_words(_plain_text(subject)) if subject.kind == "alert" else []
    if found:
        words = f"{_list(map(_quote, found))} in an alert: confirm that it advertises nothing, or make it marketing."
        yield LintFinding("promotional_alert", "advice", words)


def _check_stop(subject: Subject) -> Iterator[LintFinding]:
    text = _plain_text(subject)
    added = [mention.strip() for mention in subject.stop_mentions if mention and not text.endswith(mention.strip())]
    if added and has_typed_stop(text):
        words = f"The text says how to opt out and {_list(map(_quote, added), 'or')} is added to it: take your own out."
        yield LintFinding("double_stop", "advice", words)


def _check_no_stop(subject: Subject) -> Iterator[LintFinding]:
    """Check CPCE L.34-5: each marketing message must say how to opt out, at no cost except that of the reply."""
    if subject.kind != "marketing" or "" not in subject.stop_mentions or has_typed_stop(_plain_text(subject)):
        return
    subject_of_law = "For some countries the text" if any(subject.stop_mentions) else "The text"
    words = f"{subject_of_law} does not say how to stop these messages; French law requires it in each: add it."
    yield LintFinding("no_stop", "advice", words)


def _check_placeholders(subject: Subject) -> Iterator[LintFinding]:
    """Find merge fields of another tool: Campanile would send them literally."""
    who = _readers(sum(size.message_count for size in subject.sizes), _total_price(subject), subject.unit)
    for placeholder in subject.placeholders:
        if placeholder in subject.literal_placeholders:
            words = f"{_quote(placeholder)} is sent literally, as literal_placeholders says: {who}."
            yield LintFinding("literal_placeholder", "advice", words)
            continue
        words = (
            f"{_quote(placeholder)} is a merge field of another tool: {who}. Write "
            f"{{{placeholder_name(placeholder)}}}, or the name of the column; to send "
            f"{placeholder} literally, name it in literal_placeholders."
        )
        yield LintFinding("placeholder", "refused", words)


def _check_leftovers(subject: Subject) -> Iterator[LintFinding]:
    """Find leftovers of programs in cells, and in copied texts."""
    count, price = sum(size.message_count for size in subject.sizes), _total_price(subject)
    text = _plain_text(subject)
    found = [(f"{{{each.field}}}", each) for each in subject.leftovers]
    kinds = [kind for kind in find_leftovers(text) if kind in ("html", "invisible")]
    found += [("The text", Leftover(kind, "", text, count, price)) for kind in kinds]
    for source, each in found:
        if each.kind == "invisible" and not subject.invisible.message_count:
            continue  # replaced
        saving = subject.invisible if each.kind == "invisible" else NOTHING_SAVED
        saved = f" Without them {amount_text(saving.price, subject.unit)} less is paid." if saving.price else ""
        example = _example_of(each)
        words = (
            f"{source} holds {LEFTOVER_WORDS[each.kind]}, such as {example}: "
            f"{_readers(each.message_count, each.price, subject.unit)}.{saved} Correct "
            f"{'the text' if not each.field else 'the file, and import it again'}."
        )
        severity = "costs" if saving.price else "advice"
        yield LintFinding(
            f"leftover_{each.kind}", severity, words, each.message_count, saving.segment_count, saving.price
        )


def _readers(count: int, price: Decimal, unit: str) -> str:
    them = "it costs" if count == 1 else "their messages cost"
    return f"{count_text(count, 'recipient')} would read it, {them} {amount_text(price, unit)}"


def _total_price(subject: Subject) -> Decimal:
    return sum((size.price for size in subject.sizes), Decimal())


def _example_of(leftover: Leftover) -> str:
    """Return the leftover: of a long text only the matching part, of an invisible character its name."""
    (found,) = re.findall(rf"({leftover_patterns()[leftover.kind]})", leftover.example)[:1]
    return _name_character(found) if leftover.kind == "invisible" else _quote(found.strip())


_CHECKS: tuple[Check, ...] = (
    _check_placeholders,
    _check_leftovers,
    _check_ucs2,
    _check_length,
    _check_links,
    _check_no_stop,
    _check_stop,
    _check_promotion,
    _check_brand,
    _check_outer_spaces,
    _check_capitals,
    _check_worst_case,
)


def _characters_to_cut(sizes: Sequence[SizeCount], wanted: int) -> int:
    """Return by how many characters a text must be shortened so that this many messages fit in one segment."""
    excesses = Counter[int]()
    for size in sizes:
        excesses[size.unit_count - SINGLE_LENGTH[size.encoding]] += size.message_count
    ranked = sorted(excesses)
    reached = accumulate(excesses[excess] for excess in ranked)
    return next(excess for excess, count in zip(ranked, reached, strict=True) if count >= wanted)


def _longest_text(subject: Subject) -> str | None:
    """Return the text with each field's longest value and the longest STOP mention; None if a field has no value."""
    values = {name: value for name, value in subject.longest_values.items() if value}
    try:
        text = render(subject.template, values)
    except MissingField:
        return None
    mention = max(subject.stop_mentions, key=len, default="")
    return replace_characters(text if text.endswith(mention.strip()) else text + mention, subject.replace_characters)


def _plain_text(subject: Subject) -> str:
    """Return the text of the draft outside the merge fields."""
    return "".join(part if isinstance(part, str) else " " for part in subject.template.parts)


def _name_characters(forcing: Mapping[str, int]) -> str:
    """Return the names of the most frequent characters; invisible ones are named too."""
    ranked = sorted(forcing, key=lambda character: (-forcing[character], character))
    others = len(ranked) - _MAX_NAMED
    return _list(map(_name_character, ranked[:_MAX_NAMED])) + (f" (and {grouped(others)} more)" if others > 0 else "")


def _name_character(character: str) -> str:
    code = f"(U+{ord(character):04X})"
    if unicodedata.category(character)[0] in "CMZ":
        return f"{_CONTROLS.get(character) or unicodedata.name(character, 'a character without name').lower()} {code}"
    return f"{_quote(character)} {code}"


def _quote(words: str) -> str:
    return f"« {words} »"


def _list(items: Iterable[str], last: str = "and") -> str:
    *firsts, end = items
    return f"{', '.join(firsts)} {last} {end}" if firsts else end
