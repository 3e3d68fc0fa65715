"""The next steps of a campaign, as forms of the deployments that Prefect's server has."""

import inspect
from dataclasses import replace

import pytest

from tasks.run_links import basis_links, decision_links, review_links, run_links
from tests.pages.test_run_links import PAGE, RECAP, as_the_ui_reads_it, campaign


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.run_links._deployment_pages", lambda names: dict.fromkeys(names, PAGE))


def test_decisions_are_filled_in_as_their_flow_takes_them(pages: None) -> None:
    from flows.resolve_unknown import resolve_unknown

    links = decision_links("soldes")
    given = [as_the_ui_reads_it(str(link.address)) for link in links]
    assert [values["decision"] for values in given] == ["write_off", "resend"]
    for values in given:
        resolve_unknown.validate_parameters(values)
        assert set(values) == set(inspect.signature(resolve_unknown.fn).parameters)


def test_reviews_are_filled_in_as_their_flow_takes_them(pages: None) -> None:
    from flows.review_replies import review_replies

    links = review_links([12, 13])
    given = {reply_id: [as_the_ui_reads_it(str(link.address)) for link in links[reply_id]] for reply_id in links}
    assert [values["verdict"] for values in given[13]] == ["lift", "keep"]
    for values in given[12]:
        review_replies.validate_parameters(values)
        assert values["reply_id"] == 12
        assert set(values) == set(inspect.signature(review_replies.fn).parameters)


def test_an_approval_repeats_how_many_and_how_much(pages: None) -> None:
    (approve,) = [link for link in run_links(campaign(), RECAP) if link.title == "Approve"]
    assert approve.words == "locks it under this hash: 1 510 messages, 118.61 EUR; it is sent at its hour."
    assert as_the_ui_reads_it(str(approve.address))["figures"] == "1 510 messages, 118.61 EUR"


def test_without_recipients_nothing_is_approved_and_the_basis_can_be_declared(pages: None) -> None:
    links = {link.title: link for link in run_links(campaign(), replace(RECAP, message_count=0), ["clients"])}
    assert list(links) == ["Declare the legal basis of clients", "Revise", "Cancel", "Prepare again"]
    assert as_the_ui_reads_it(str(links["Declare the legal basis of clients"].address)) == {
        "list_name": "clients", "action": "declare", "legal_basis": "", "actor": "",
    }  # fmt: skip


def test_a_stale_recap_is_not_approved(pages: None) -> None:
    titles = [link.title for link in run_links(campaign(stale_reason="list clients changed"), RECAP)]
    assert titles == ["Revise", "Cancel", "Prepare again"]


def test_without_cover_a_top_up_is_offered_and_no_approval(pages: None) -> None:
    from flows.check_balance import check_balance

    links = {link.title: link for link in run_links(campaign(), RECAP, is_short=True)}
    assert list(links) == [
        "Check the balance", "Record a top-up", "Send a test", "Revise", "Cancel", "Prepare again",
    ]  # fmt: skip
    values = as_the_ui_reads_it(str(links["Check the balance"].address))
    assert values == {"gateway": "sandbox"}
    check_balance.validate_parameters(values)


def test_a_stale_recap_is_refreshed_by_a_link(pages: None) -> None:
    from flows.revise_campaign import revise_campaign

    link = run_links(campaign(), RECAP)[-1]
    values = as_the_ui_reads_it(str(link.address))
    assert (link.title, values) == ("Prepare again", {"campaign": "soldes", "actor": "", "prepare_again": True})
    revise_campaign.validate_parameters(values)


def test_the_basis_of_a_list_is_declared_by_a_form_that_is_filled_in(pages: None) -> None:
    from flows.manage_list import manage_list

    (link,) = basis_links(["clients"])
    manage_list.validate_parameters(as_the_ui_reads_it(str(link.address)))
    assert basis_links([]) == []
