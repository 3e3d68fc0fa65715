"""``python scripts/verify_evidence.py evidence.json``: check that a file of explain-number was not changed.

The key is that of ``SMS_EVIDENCE_KEY``; without the variable it is asked for. Status 0: ok; 1: changed or not readable.
Only Python's standard library is needed.
"""

import hmac
import json
import os
import sys
from getpass import getpass


def canonical(document: object) -> str:
    """Return the one text that a document has."""
    return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def problem_of(content: bytes, key: str) -> str | None:
    """Return what is wrong with the bytes of a file, or None."""
    try:
        found = json.loads(content.decode("utf-8"))
        evidence, signature = found["evidence"], found["signature"]
        whole = canonical({"format": "campanile-evidence-1", "evidence": evidence, "signature": signature}) + "\n"
        expected = hmac.new(key.encode(), canonical(evidence).encode(), "sha256").hexdigest()
        if whole.encode() != content:
            return "its bytes are not those that were written"
        if not hmac.compare_digest(signature.encode(), expected.encode()):
            return "its signature does not fit: it was changed, or signed with another key"
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        return f"it is no evidence of Campanile ({type(error).__name__})"
    return None


def main() -> int:
    """Check the file that the command line names."""
    if len(sys.argv) != 2:
        print(__doc__)
        return 1
    key = os.environ.get("SMS_EVIDENCE_KEY") or getpass("SMS_EVIDENCE_KEY: ")
    with open(sys.argv[1], "rb") as file:
        problem = problem_of(file.read(), key)
    print(problem or "ok: not changed since it was signed")
    return 1 if problem else 0


if __name__ == "__main__":
    sys.exit(main())
