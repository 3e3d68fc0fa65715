"""The login of Prefect's API and the secrets of the sandbox: made once, in files that only their owner can read."""

import os
import secrets
import stat
from pathlib import Path

from campanile.services.settings import SANDBOX_CALLBACK_NAME, SANDBOX_KEY_NAME
from scripts.household import CannotGoOn

LOGIN_NAME = "prefect-login"
#: Random bytes in a new login.
STRENGTH_BYTES = 32
SHORTEST = 24


def login_of(home: Path) -> str:
    """Return the login of a data folder, ``name:password``; make it if there is none.

    Raises:
        CannotGoOn: the file is a link, belongs to another account, or holds no login.
    """
    path = home / LOGIN_NAME
    text = _kept(path, "login", f"campanile:{secrets.token_urlsafe(STRENGTH_BYTES)}")
    name, _, password = text.partition(":")
    if not name or len(password) < SHORTEST or not _is_one_word(text):
        raise CannotGoOn(
            f"the login {path} must be one line name:password, with a password of {SHORTEST} or more letters, digits "
            f"or signs; {_advice(path)}"
        )
    return text


def keep_sandbox_key(home: Path, chosen: str | None) -> None:
    """Store the key of the sandbox of a data folder; make one if there is none.

    Args:
        home: the data folder.
        chosen: the key that a setting names, which is kept from now on; None: none does.

    Raises:
        CannotGoOn: the file is a link, belongs to another account, or holds no key.
    """
    _keep_word(home / SANDBOX_KEY_NAME, "sandbox's key", chosen)


def keep_callback_secret(home: Path, chosen: str | None) -> str:
    """Store and return the secret that signs the sandbox's callbacks; make one if there is none.

    Args and errors are those of ``keep_sandbox_key``.
    """
    return _keep_word(home / SANDBOX_CALLBACK_NAME, "secret of the sandbox's callbacks", chosen)


def _keep_word(path: Path, what: str, chosen: str | None) -> str:
    if chosen is not None:
        write_private(path, chosen)
    text = _kept(path, what, secrets.token_urlsafe(STRENGTH_BYTES))
    if not _is_one_word(text):
        raise CannotGoOn(f"the {what} {path} must be one line of letters, digits or signs; {_advice(path)}")
    return text


def _kept(path: Path, what: str, fresh: str) -> str:
    """Return the line of a file; write ``fresh`` to it if there was no file.

    It is written beside its path and renamed, so that no half of it is ever read. The caller holds the folder.
    """
    if not os.path.lexists(path):
        write_private(path, fresh)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise CannotGoOn(f"the {what} {path} cannot be read ({error.strerror}); {_advice(path)}") from None
    with open(descriptor, encoding="utf-8", errors="replace") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.getuid():
            raise CannotGoOn(f"the {what} {path} is no file of this account; {_advice(path)}")
        os.fchmod(descriptor, 0o600)
        return file.read(1024).strip()


def _is_one_word(text: str) -> bool:
    return bool(text) and text.isascii() and text.isprintable() and " " not in text


def _advice(path: Path) -> str:
    return f"remove {path.name} for a new one"


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read; no half of it is ever read."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
