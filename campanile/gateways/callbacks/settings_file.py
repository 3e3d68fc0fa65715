"""The settings of the receiver, from a file of lines ``NAME=value``: the ``.env`` of the team, or one of its own.

The receiver takes no secret from its command line, which everybody on the machine can read.
"""

import re
from pathlib import Path

_LINE = re.compile(r"""\s*(?:export\s+)?(\w+)\s*=\s*(?:'([^']*)'|"([^"]*)"|(.*))""")
_COMMENT = re.compile(r"(?:^|\s)#.*")


def read_settings_file(path: Path) -> dict[str, str]:
    """Return the settings of a file; the last line of a name counts. Comments and other lines are left out.

    A value ends at a blank and ``#`` unless it is in quotes.

    Raises:
        OSError: the file cannot be read.
        UnicodeDecodeError: it is no text.
    """
    matches = [match for line in path.read_text(encoding="utf-8").splitlines() if (match := _LINE.match(line))]
    return {match[1]: _value_of(match) for match in matches}


def _value_of(match: re.Match[str]) -> str:
    quoted = match[2] if match[2] is not None else match[3]
    return quoted if quoted is not None else _COMMENT.sub("", match[4]).strip()
