"""Artifacts: one stable key per subject, published again only when the content has changed."""

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
    """Publish a page, unless the latest one under its key is the same; all times are in the team's time zone."""
    markdown = in_zone(markdown, current_context().settings.zone)
    if not _is_published(key, markdown):
        create_markdown_artifact(markdown, key=artifact_key(key), description=mask_numbers(description))


def publish_unless_away(key: str, markdown: str, description: str) -> None:
    """Publish a page as ``publish`` does, but do not wait for Prefect's server: without it the page is not updated."""
    try:
        BREAKER.call(partial(publish, key, markdown, description))
    except PrefectAway as error:
        run_logger().warning("artifact %s is not updated: %s", artifact_key(key), error)


def publish_table(key: str, rows: Sequence[dict[str, Any]], description: str) -> None:
    """Publish rows as a table to search and sort, unless the latest one under its key is the same.

    Amounts and times become text, so that the table shows them as they are stored. The key must not begin like the
    key of a page: ``recap-x-rows`` would be the table of campaign ``x`` and the page of campaign ``x-rows``.
    """
    plain = [{name: _plain(value) for name, value in row.items()} for row in rows]
    if not _is_published(key, json.dumps(plain)):
        create_table_artifact(plain, key=artifact_key(key), description=mask_numbers(description))


def artifact_key(text: str) -> str:
    """Return a text as a key for Prefect: lower-case letters, digits and dashes.

    The name of a campaign or list does not change, so two of them never share a page.
    """
    return re.sub(r"[^a-z0-9-]", "-", text.lower())


def _is_published(key: str, data: str) -> bool:
    """Compare with Prefect's own copy, so that a new Prefect database gets its pages again."""
    latest: Any = Artifact.get(artifact_key(key))
    is_same = bool(latest is not None and latest.data == data)
    if is_same:
        run_logger().info("artifact %s has not changed", artifact_key(key))
    return is_same


def _plain(value: object) -> object:
    return mask_numbers(value) if isinstance(value, str) else value if isinstance(value, int) else str(value)
