"""Artifacts: one key for each subject, and times on the team's clock."""

import pytest

from campanile.services.context import Context
from tasks.artifacts import artifact_key, publish


def test_keys_are_what_prefect_takes() -> None:
    assert artifact_key("import-opt_outs") == "import-opt-outs"


@pytest.mark.parametrize("name", ["soldes--hiver", "soldes-", "soldes-hiver"])
def test_a_campaign_keeps_a_key_of_its_own(name: str) -> None:
    assert artifact_key(f"recap-{name}") == f"recap-{name}"


def test_a_page_is_published_with_the_teams_times(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    published: list[str] = []
    monkeypatch.setattr("tasks.artifacts._is_published", lambda key, markdown: False)
    monkeypatch.setattr("tasks.artifacts.create_markdown_artifact", lambda markdown, **_: published.append(markdown))
    monkeypatch.setattr(context.settings, "team_zone", "Indian/Reunion")
    publish("lists", "last file 2026-11-23 07:00 UTC", "Lists")
    assert published == ["last file Mon 2026-11-23 11:00 (Indian/Reunion)"]
