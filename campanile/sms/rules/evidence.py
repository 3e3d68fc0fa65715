"""Signed documents: canonical JSON with an HMAC-SHA256, which ``scripts/verify_evidence.py`` checks.

The canonical form has sorted keys, no spaces, and UTF-8. A file is one line; a file whose bytes are not its canonical
form is refused, so that no change of any byte goes unnoticed.
"""

import hmac
import json
from typing import Any

FORMAT = "campanile-evidence-1"


def canonical_json(document: object) -> str:
    """Return the one text that a document has.

    >>> canonical_json({"b": [1, None], "a": "é"})
    '{"a":"é","b":[1,null]}'
    """
    return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def signed_evidence(evidence: dict[str, Any], key: str) -> str:
    """Return the text of a signed file: the evidence, its format and its signature, in one line."""
    signature = hmac.new(key.encode(), canonical_json(evidence).encode(), "sha256").hexdigest()
    return canonical_json({"format": FORMAT, "evidence": evidence, "signature": signature}) + "\n"
