"""The balance report, as a Markdown page and as an HTML file: the same sections, so the same figures."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

from campanile.pages import charts
from campanile.pages.balance_views import BalanceView
from campanile.pages.environment import render
from campanile.pages.figures import Figure, Money, Plain, Section, filled
from campanile.pages.html import render_html
from campanile.pages.results import KeyFigure
from campanile.pages.run_links import RunLink
from campanile.sms.predictions.balance import BalanceForecast
from campanile.sms.text.formatting import count_text, local_time

#: What the kinds of alerts are about; other kinds are shown by their own name.
_ALERT_WORDS = {
    "balance_critical": "below the threshold",
    "balance_empty": "nothing left",
    "balance_reminder": "still below the threshold",
    "balance_forecast": "forecast below the threshold",
    "balance_unreadable": "cannot be read",
    "cost_drift": "messages cost more than their recaps said",
    "answers_balance_low": "too low for automatic answers",
}
_CENT = Decimal("0.01")


def balance_page(view: BalanceView, links: Sequence[RunLink], zone: ZoneInfo) -> str:
    """Return the balance report as Markdown."""
    shown = {"key_figures": balance_figures(view), "sections": balance_sections(view, zone)}
    return render("balance", view=view, title=f"Balance of {view.gateway}", steps=links, zone=zone, **shown)


def balance_file(view: BalanceView, zone: ZoneInfo, note: str = "") -> str:
    """Return the balance report as one HTML page that needs no other file; ``note``: a line for its head."""
    shown = {"key_figures": balance_figures(view), "sections": balance_sections(view, zone)}
    return render_html("balance", view=view, zone=zone, note=note, **shown)


def balance_figures(view: BalanceView) -> list[KeyFigure]:
    """Return what a reader wants to know first."""
    credit, forecast, unit = view.credit, view.forecast, view.unit
    if credit is None or forecast is None:
        return [KeyFigure("Balance", None, "it was never read", "bad")]
    is_low = credit.balance < forecast.threshold
    figures = [
        KeyFigure("Balance", _money(credit.balance, unit), "as the gateway says", "bad" if is_low else ""),
        KeyFigure("Free", _money(_free(view), unit), "after approved campaigns and answers"),
        KeyFigure("Threshold", _money(forecast.threshold, unit), "below it the team is alerted"),
        KeyFigure("Below the threshold", *_crossing(forecast)),
        KeyFigure(
            "To buy", _money(forecast.to_buy, unit), "to be covered for two weeks", "warn" if forecast.to_buy else ""
        ),
    ]
    if forecast.weekend is not None:
        weekend = forecast.weekend
        figures.append(
            KeyFigure(
                "Until Monday noon",
                "covered" if not weekend.to_buy else _money(weekend.to_buy, unit),
                "in 9 of 10 cases" if not weekend.to_buy else "to buy today",
                "bad" if weekend.to_buy else "",
            )
        )
    return figures


def balance_sections(view: BalanceView, zone: ZoneInfo) -> list[Section]:
    """Return the sections of the report; those without rows are left out."""
    return filled([_forecast(view, zone), _credit(view), _alerts(view)])


def _crossing(forecast: BalanceForecast) -> tuple[Figure, str, str]:
    earliest = forecast.may_cross_on
    if forecast.crosses_on is not None:
        note = "expected"
        if earliest is not None and earliest < forecast.crosses_on:
            note = f"expected; perhaps on {_day(earliest)}"
        return Plain(_day(forecast.crosses_on)), note, "bad"
    if earliest is not None:
        return Plain(_day(earliest)), "in 1 of 10 cases; not expected", "warn"
    return "no day", "within two weeks", ""


def _forecast(view: BalanceView, zone: ZoneInfo) -> Section:
    forecast, unit = view.forecast, view.unit
    title = "Forecast for two weeks"
    columns = ["end of", "expected>", "80 % interval>", "campaigns>", "answers>", "others>"]
    if forecast is None:
        return Section(title, columns, [])
    rows: list[tuple[Figure, ...]] = [
        (
            Plain(_day(day.day)), _money(day.median, unit),
            Plain(f"{_number(day.low)} to {_number(day.high)}"), *(
                Plain(_number(amount)) if amount else None for amount in (day.campaigns, day.answers, day.others)
            ),
        )
        for day in forecast.days
    ]  # fmt: skip
    notes = ["A forecast, not a reading. Campaigns: approved ones. Answers: automatic ones to the expected replies."]
    if forecast.known_weeks:
        notes.append(
            "Others: what was spent on the same half days of the last "
            f"{count_text(forecast.known_weeks, 'week')} beyond what is approved now."
        )
    else:
        notes.append("Nothing is known yet of what else is spent: a week of consumption is needed for it.")
    if forecast.weekend is not None:
        weekend = forecast.weekend
        verdict = (
            "the balance is covered" if not weekend.to_buy else f"buy {_number(weekend.to_buy)} {unit} to be covered"
        )
        left = f"{_number(weekend.low)} {unit}"
        notes.append(f"Until {local_time(weekend.until, zone)}: {verdict}; in 9 of 10 cases at least {left} are left.")
    points = [
        charts.BandPoint(_day(day.day), float(day.low), float(day.median), float(day.high)) for day in forecast.days
    ]
    start = float(view.credit.available) if view.credit else points[0].median
    chart = charts.band_chart(
        title,
        f"Expected balance in {unit} at the end of each day, with its 80 % interval, and the threshold.",
        start,
        points,
        float(forecast.threshold),
    )
    return Section(title, columns, rows, notes, chart)


def _credit(view: BalanceView) -> Section:
    credit, unit = view.credit, view.unit
    if credit is None:
        return Section("Credit", ["what", "amount>"], [])
    rows: list[tuple[Figure, ...]] = [
        ("balance, as the gateway says", Money(credit.balance, unit)),
        ("− reserved for messages in flight or unknown", Money(credit.balance - credit.available, unit)),
        ("− needed by approved campaigns", Money(credit.committed, unit)),
    ]
    if view.forecast is not None:
        rows.append(("− expected automatic answers", Money(_answers(view), unit)))
    return Section("Credit", ["what", "amount>"], [*rows, ("free", Money(_free(view), unit))])


def _alerts(view: BalanceView) -> Section:
    rows: list[tuple[Figure, ...]] = [
        (_ALERT_WORDS.get(row.kind, row.kind.replace("_", " ")), row.raised_at, row.mailed_at, row.texted_at)
        for row in view.alerts
    ]
    return Section("Alerts", ["open alert", "since", "mailed", "sent by SMS"], rows or [("none", None, None, None)])


def _free(view: BalanceView) -> Decimal:
    """Return what is left after reserves, approved campaigns and expected answers."""
    credit = view.credit
    return Decimal(0) if credit is None else credit.available - credit.committed - _answers(view)


def _answers(view: BalanceView) -> Decimal:
    days = view.forecast.days if view.forecast is not None else ()
    return sum((day.answers for day in days), Decimal(0)).quantize(_CENT)


def _day(day: date) -> str:
    """Return a day within two weeks, short enough for a telephone.

    >>> _day(date(2026, 12, 2))
    'Wed 2 Dec'
    """
    return f"{day:%a} {day.day} {day:%b}"


def _money(amount: Decimal, unit: str) -> Money:
    return Money(amount.quantize(_CENT), unit)


def _number(amount: Decimal) -> str:
    return f"{amount:,.2f}".replace(",", " ")
