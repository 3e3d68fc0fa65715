"""The login of Prefect's API on this machine: made once, kept in a file that only its owner can read."""

import os
import secrets
import stat
from pathlib import Path

from household import CannotGoOn

LOGIN_NAME = "prefect-login"
#: Bytes of chance in a new login.
STRENGTH_BYTES = 32
SHORTEST = 24


def login_of(home: Path) -> str:
    """Return the login that is kept in a data folder, ``name:password``; make it where there is none.

    It is written beside its place and renamed, so that no half of it is ever read. The caller holds the folder.

    Raises:
        CannotGoOn: the file is a link, belongs to another account, or holds no login.
    """
    path = home / LOGIN_NAME
    if not os.path.lexists(path):
        _write(path, f"campanile:{secrets.token_urlsafe(STRENGTH_BYTES)}")
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise CannotGoOn(f"the login {path} cannot be read ({error.strerror}); {_advice(path)}") from None
    with open(descriptor, encoding="utf-8", errors="replace") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.getuid():
            raise CannotGoOn(f"the login {path} is no file of this account; {_advice(path)}")
        os.fchmod(descriptor, 0o600)
        text = file.read(1024).strip()
    name, _, password = text.partition(":")
    if not name or len(password) < SHORTEST or not (text.isascii() and text.isprintable()) or " " in text:
        raise CannotGoOn(
            f"the login {path} must be one line name:password, with a password of {SHORTEST} or more letters, digits "
            f"or signs; {_advice(path)}"
        )
    return text


def _advice(path: Path) -> str:
    return f"remove {path.name} for a new one"


def _write(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
