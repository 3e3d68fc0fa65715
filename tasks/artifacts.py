"""Artifacts: one stable key a subject, published anew only when what it says has changed."""

import json
import re
from collections.abc import Sequence
from functools import partial
from typing import Any

from prefect.artifacts import Artifact, create_markdown_artifact, create_table_artifact

from campanile.pages.words import in_zone
from campanile.sms.text.masking import mask_numbers
from tasks.context import current_context, run_logger
from tasks.prefect_calls import BREAKER, PrefectAway


def publish(key: str, markdown: str, description: str) -> None:
    """Publish a page, unless the latest one under its key says the same; all its times on the team's clock."""
    markdown = in_zone(markdown, current_context().settings.zone)
    if not _is_published(key, markdown):
        create_markdown_artifact(markdown, key=artifact_key(key), description=mask_numbers(description))


def publish_unless_away(key: str, markdown: str, description: str) -> None:
    """Publish a page as ``publish`` does, but do not wait for Prefect's server: without it the page stays as it is."""
    try:
        BREAKER.call(partial(publish, key, markdown, description))
    except PrefectAway as error:
        run_logger().warning("artifact %s stays as it is: %s", artifact_key(key), error)


def publish_table(key: str, rows: Sequence[dict[str, Any]], description: str) -> None:
    """Publish rows as a table to search and sort, unless the latest one under its key holds the same.

    Amounts and times become text, so that the table shows them as they are stored. The key must begin otherwise than
    a page's: ``recap-x-rows`` would be the table of campaign ``x`` and the page of campaign ``x-rows``.
    """
    plain = [{name: _plain(value) for name, value in row.items()} for row in rows]
    if not _is_published(key, json.dumps(plain)):
        create_table_artifact(plain, key=artifact_key(key), description=mask_numbers(description))


def artifact_key(text: str) -> str:
    """Return a text as Prefect wants keys: lower-case letters, digits and dashes.

    The name of a campaign or list stays as it is, so that no two of them share a page.
    """
    return re.sub(r"[^a-z0-9-]", "-", text.lower())


def _is_published(key: str, data: str) -> bool:
    """Compare with Prefect's own copy: so a wiped Prefect database gets its pages back."""
    latest: Any = Artifact.get(artifact_key(key))
    is_same = bool(latest is not None and latest.data == data)
    if is_same:
        run_logger().info("artifact %s has not changed", artifact_key(key))
    return is_same


def _plain(value: object) -> object:
    return mask_numbers(value) if isinstance(value, str) else value if isinstance(value, int) else str(value)
