"""The secrets of the people who may approve, as ``SMS_APPROVER_SECRETS`` lists them."""

from pydantic import SecretStr


def parse_secrets(listed: SecretStr | None) -> dict[str, str]:
    """Return the secret of each approver of ``Ada=secret, Grace=another``, by the name in small letters.

    Raises:
        ValueError: a part is not a name and a secret, or a name is given twice; the error shows no secret.
    """
    found: dict[str, str] = {}
    for part in listed.get_secret_value().split(",") if listed else ():
        name, _, secret = (piece.strip() for piece in part.partition("="))
        if not name or not secret:
            raise ValueError("it must be a name and a secret for each approver: Ada=…, Grace=…")
        if name.casefold() in found:
            raise ValueError(f"it names {name} twice")
        found[name.casefold()] = secret
    return found
