"""Check the paths of files that users give: only in allowed folders, and through no link.

Otherwise a form could read any file of the account, and its errors would show what the file contains.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from campanile.files.parsing.source_bytes import open_plain, size_text
from campanile.services.context import Context
from campanile.sms.errors import ConfigurationError


def given_file(context: Context, path: str) -> Path:
    """Return the absolute form of a path that a user gave, after a check; the file need not exist.

    Raises:
        ConfigurationError: it is outside the data folder, the samples and SMS_FILE_DIRS, or goes through a link.
    """
    absolute = Path(os.path.abspath(path))  # resolves `..` as text: below an allowed folder nothing may be a link
    for folder in allowed_folders(context):
        for root in (Path(os.path.abspath(folder)), folder.resolve()):
            if absolute.is_relative_to(root) and absolute != root:
                inside = absolute.relative_to(root)
                if root.resolve() / inside != absolute.resolve():
                    raise ConfigurationError(
                        f"{path} is a link, or goes through one: give the path of the file itself, in a folder that "
                        "files may be read from"
                    )
                return absolute
    raise ConfigurationError(
        f"{path} is not in a folder that files may be read from; allowed: "
        f"{', '.join(map(str, allowed_folders(context)))}. Put it there, or name its folder in SMS_FILE_DIRS"
    )


def allowed_folders(context: Context) -> Sequence[Path]:
    """Return the folders that files may be read from: the data folder, the samples, and those of the settings."""
    return context.settings.data_dir, context.settings.samples_dir, *context.settings.file_dirs


def read_given_text(context: Context, path: str, suffixes: Sequence[str], most_bytes: int) -> str:
    """Return the text of a file whose path a user gave.

    Raises:
        ConfigurationError: it is not in an allowed folder, has another suffix, or is too long.
        OSError, UnicodeDecodeError: it cannot be read.
    """
    file = given_file(context, path)
    if file.suffix.lower() not in suffixes:
        raise ConfigurationError(f"{path} ends in {file.suffix!r}; allowed: {', '.join(suffixes)}")
    with open_plain(file) as opened:
        data = opened.read(most_bytes + 1)
    if len(data) > most_bytes:
        raise ConfigurationError(f"{path} is too long; allowed: up to {size_text(most_bytes)}")
    return data.decode("utf-8-sig")
