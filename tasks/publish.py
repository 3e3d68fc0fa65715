"""Artifacts: one stable key a subject, published anew only when what it says has changed."""

import re

from prefect import get_run_logger
from prefect.artifacts import Artifact, create_markdown_artifact

from sms.masking import mask_numbers


def publish(key: str, markdown: str, description: str) -> None:
    """Publish a page under a key, unless the latest one under that key says the same.

    Prefect's own copy is compared, so a wiped Prefect database gets its pages back.
    """
    key = artifact_key(key)
    latest = Artifact.get(key)
    if latest is not None and latest.data == markdown:
        get_run_logger().info("artifact %s has not changed", key)
        return
    create_markdown_artifact(markdown, key=key, description=mask_numbers(description))


def artifact_key(text: str) -> str:
    """Return a text as Prefect wants keys: lower-case letters, digits and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
