"""Read from the store everything that a recap page shows."""

from collections.abc import Sequence
from dataclasses import replace

from campanile.pages.alert_rules import rule_text
from campanile.pages.recap_views import AutoReplyView, RecapHeader, RecapView, ShownDetails, WindowView
from campanile.pages.views import view_of
from campanile.services.billing.alert_rules import alert_rule
from campanile.services.billing.balance import read_balance
from campanile.services.billing.balance_alert import message_price
from campanile.services.context import Context
from campanile.services.inbound.responder_state import answer_forecast, responder_state
from campanile.sms.errors import ConfigurationError, SmsError
from campanile.sms.schedule.departures import Departure
from campanile.sms.schedule.policy import load_policy
from campanile.sms.schedule.territories import ALSACE_MOSELLE, UNREADABLE, clocks_of
from campanile.sms.states import CampaignKind
from campanile.sms.text.segments import count_segments
from campanile.store.billing.balance import credit_left
from campanile.store.campaigns.predictions import predictions_of
from campanile.store.contacts.lists import declared_basis
from campanile.store.db.database import Transaction
from campanile.store.inbound.auto_responder import auto_responder
from schemas.campaign_rows import Campaign
from schemas.recap_rows import (
    ExclusionCount,
    MessagePreview,
    Recap,
    SizeShare,
    TerritoryCount,
    UnsentMessages,
    WindowCount,
)


def with_newest_balance(context: Context, view: RecapView) -> RecapView:
    """Return a recap with the balance read now, if it was never read, or if it is too low: there may be a top-up."""
    if view.credit is not None and not view.is_short:
        return view
    gateway = view.campaign.gateway
    try:
        read_balance(context, gateway)
    except SmsError as error:
        return view if view.credit else replace(view, balance_error=f"The balance cannot be read: {error}")
    with context.transaction(read_only=True) as tx:
        credit = credit_left(tx, gateway, answer_forecast(context, tx, gateway))
    return replace(view, credit=credit, balance_error=None)


def with_answer_price(context: Context, view: RecapView) -> RecapView:
    """Return a recap with the price of one automatic answer in the home region, if the tariff has one."""
    answer = view.auto_reply
    try:
        price = context.tariff(view.campaign.gateway).price(context.settings.region)
    except ConfigurationError:
        return view
    return replace(view, auto_reply=replace(answer, price=price * count_segments(answer.text).segment_count))


def read_recap(context: Context, tx: Transaction, campaign_id: int) -> RecapView:
    """Return everything the recap page shows of a campaign's newest version."""
    campaign = tx.get(Campaign, "campaign.get", campaign_id=campaign_id)
    recap = tx.get(Recap, "recap.get", campaign_id=campaign_id, version=campaign.version)
    header, details = view_of(RecapHeader, recap.header), view_of(ShownDetails, recap.details)
    departures = tx.select(Departure, "departure.list", campaign_id=campaign_id)
    counts = tx.select(WindowCount, "recap.windows", campaign_id=campaign_id)
    windows = [_window_view(context, count, departures, details) for count in counts]
    rule = alert_rule(context, tx, campaign.gateway)
    return RecapView(
        campaign=campaign,
        recap=recap,
        header=header,
        sources=details.sources,
        findings=details.findings,
        expiring=details.expiring,
        advice=details.advice,
        changes=details.changes,
        exclusions=tx.select(ExclusionCount, "recap.exclusions", campaign_id=campaign_id, version=recap.version),
        territories=tx.select(TerritoryCount, "recap.territories", campaign_id=campaign_id),
        encodings=tx.select(SizeShare, "recap.encodings", campaign_id=campaign_id),
        previews=_previews(context, tx, campaign_id, details),
        departures=departures,
        windows=windows,
        unsent=_unsent(tx, campaign_id, windows),
        alsace_moselle_count=_count_keys_with(ALSACE_MOSELLE, campaign, counts),
        unreadable_postcode_count=_count_keys_with(UNREADABLE, campaign, counts),
        credit=credit_left(tx, campaign.gateway, answer_forecast(context, tx, campaign.gateway)),
        balance_error=None,
        undeclared=_undeclared(tx, header),
        auto_reply=_auto_reply(context, tx, header),
        alert_rule=rule_text(rule),
        predictions=predictions_of(tx, campaign),
        alert_threshold=rule.lines(message_price(context, campaign.gateway)).threshold,
    )


def _previews(context: Context, tx: Transaction, campaign_id: int, details: ShownDetails) -> list[MessagePreview]:
    return tx.select(
        MessagePreview,
        "recap.previews",
        campaign_id=campaign_id,
        home=context.settings.region,
        defaulted_id=details.defaulted.recipient_id if details.defaulted else None,
    )


def _unsent(tx: Transaction, campaign_id: int, windows: Sequence[WindowView]) -> UnsentMessages:
    return tx.get(
        UnsentMessages,
        "recap.unsent",
        campaign_id=campaign_id,
        window_keys=[window.window_key for window in windows],
        expiring_counts=[window.expiring_count for window in windows],
    )


def _undeclared(tx: Transaction, header: RecapHeader) -> list[str]:
    """Return the lists of a marketing campaign whose people get nothing, because they have no legal basis."""
    if header.kind != CampaignKind.MARKETING or not load_policy(header.policy).needs_legal_basis:
        return []
    return [name for name in header.lists if declared_basis(tx, name) is None]


def _window_view(
    context: Context, count: WindowCount, departures: Sequence[Departure], details: ShownDetails
) -> WindowView:
    """Return when the messages of one window key are sent, and how many are not."""
    key = count.window_key
    own = [departure for departure in departures if departure.window_key == key]
    return WindowView(
        window_key=key,
        message_count=count.message_count,
        first_at=min((departure.starts_at for departure in own), default=None),
        last_at=max((departure.ends_at for departure in own), default=None),
        closed_days=details.closed_days.get(key, ()),
        expiring_count=sum(row.message_count for row in details.expiring if row.window_key == key),
        zone=next((zone for _, zone in clocks_of(key)), context.settings.team_zone),
    )


def _count_keys_with(territory: str, campaign: Campaign, counts: Sequence[WindowCount]) -> int:
    """Count the messages to which the holidays of a territory apply; 0 if no holidays apply to the campaign."""
    if campaign.kind != CampaignKind.MARKETING or not load_policy(campaign.policy).closes_on_holidays:
        return 0
    return sum(count.message_count for count in counts if territory in count.window_key.split("+"))


def _auto_reply(context: Context, tx: Transaction, header: RecapHeader) -> AutoReplyView:
    responder = auto_responder(tx)
    state = responder_state(context, tx, header.gateway)
    return AutoReplyView(responder.enabled, header.can_be_answered, responder.text, state=state)
