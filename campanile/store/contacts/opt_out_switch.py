"""Switch a store to keyed hashes of opt-outs; there is no way back."""

from campanile.store.billing.operator_settings import put_setting
from campanile.store.db.database import Transaction
from campanile.store.db.opt_out_keys import hashing_macro

_SETTING = "suppression"


def is_hashed(tx: Transaction) -> bool:
    """Return whether the store keeps opt-outs as keyed hashes.

    Raises:
        StoreError: it does, and the key of the transaction is missing or another one.
    """
    return bool(tx.value("opt_out_key.is_hashed"))


def has_opt_outs(tx: Transaction) -> bool:
    """Return whether the store has ever had an opt-out."""
    return not tx.value("opt_out_key.is_unused")


def hash_opt_outs(tx: Transaction, key: bytes, actor: str) -> int:
    """Replace all numbers of opt-outs by their keyed hashes; return how many opt-outs there are.

    ``key`` must be the key of the transaction. Free blocks of the file hold the numbers until it is written anew.
    """
    tx.execute(hashing_macro(key))
    count = tx.run("opt_out_key.hash_entries")
    tx.run("opt_out_key.hash_pushes")
    tx.run("opt_out_key.hash_rows")
    put_setting(tx, _SETTING, {"mode": "hmac"}, actor)
    return count
