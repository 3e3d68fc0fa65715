"""The page of a recap with its links, from the data of the store."""

import pytest

from campanile.services.campaigns.prepare import make_recap
from campanile.services.campaigns.read_recap import read_recap
from campanile.services.context import Context
from campanile.store.contacts.lists import declare_legal_basis, list_made_sure
from schemas.draft import CampaignDraft
from tasks.campaigns import draw_recap


@pytest.mark.parametrize("is_declared", [False, True])
def test_a_recap_links_to_what_can_be_done_next(
    context: Context, monkeypatch: pytest.MonkeyPatch, is_declared: bool
) -> None:
    """No person gets a message before a legal basis is declared; then the campaign can be approved."""
    monkeypatch.setattr("tasks.run_links._deployment_pages", lambda names: {})
    with context.transaction() as tx:
        list_made_sure(tx, "bought", is_sample=False)
        tx.execute(
            "INSERT INTO contact BY NAME SELECT list_id, 33612345670 AS number_id, '+33612345670' AS msisdn, "
            "'FR' AS territory, '{}' AS fields, 1 AS import_id, 1 AS row_number, created_at AS updated_at "
            "FROM contact_list"
        )
        if is_declared:
            declare_legal_basis(tx, "bought", "consent", None, "ada")
    draft = {"name": "soldes", "text": "Soldes", "sender_id": "36180", "lists": ["bought"], "actor": "ada"}
    recap = make_recap(context, CampaignDraft.model_validate(draft))
    with context.transaction(read_only=True) as tx:
        page = draw_recap(read_recap(context, tx, recap.campaign_id))
    assert ("manage-list list_name=bought action=declare" in page) is not is_declared
    assert ("approve-campaign campaign=soldes" in page) is is_declared
