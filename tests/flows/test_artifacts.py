"""Artifacts: one stable key for each subject, no new version when nothing changed, no unmasked number."""

from typing import Any

import pytest

pytestmark = [
    pytest.mark.prefect,
    # Prefect's client does not close its sockets when artifacts are read from a test: the garbage collector does.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def versions(key: str) -> list[Any]:
    """Return all artifacts ever published under a key."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey

    with get_client(sync_client=True) as client:
        return list(client.read_artifacts(artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=[key]))))


def test_published_once_until_something_changes(workspace: Any) -> None:
    from flows.ingest_contacts import ingest_contacts
    from flows.prepare_campaign import prepare_campaign
    from flows.report_campaign import report_campaign
    from schemas.draft import CampaignDraft

    path = workspace.drop(
        "mobile;prénom;fixe\n+33612345678;=cmd|'/c calc';0145678901\n+33612345679;<b>Basile</b>;\n12;Rejetée;\n",
        "0698765432.csv",
    )
    ingest_contacts("artefacts", path, legal_basis="consent")
    draft = {"name": "artefacts", "sender_id": "36180", "lists": ["artefacts"], "actor": "camille"}
    prepare_campaign(CampaignDraft(**draft, text="Bonjour {first_name}, {fixe|-}"))
    for _ in range(2):
        report_campaign("artefacts")
    keys = ("import-artefacts", "rows-of-artefacts", "recap-artefacts", "territories-of-artefacts")
    assert {key: len(versions(key)) for key in keys} == dict.fromkeys(keys, 1)
    assert len(versions("results-artefacts")) == 1, "published twice, and nothing had changed"

    prepare_campaign(CampaignDraft(**draft, text="Bonsoir {first_name}"))
    recaps = [str(found.data) for found in versions("recap-artefacts")]
    assert len(recaps) == 2
    assert all("python -m flows approve-campaign campaign=artefacts" in page for page in recaps), "no server to link to"

    for key in (*keys, "results-artefacts", "outcomes-of-artefacts"):
        for found in versions(key):
            text = str(found.data)
            for number in ("33612345678", "0145678901", "0698765432"):
                assert number not in text, f"a whole number in {key}"
            assert "<b>" not in text, f"a live tag in {key}"
