"""The key under which an opt-out is kept: the digits of the number, or a keyed hash of them.

A store in clear has the macro ``opt_out_key(number_id) AS number_id``: DuckDB replaces it by the column, so it costs
nothing. The switch (``contacts/opt_out_switch.py``) replaces it by one that hashes. That one needs two other macros,
``keyed_hash`` and ``keyed_check``, which each connection makes from its own key and which are never written to the
store. It compares ``keyed_check()`` with the value that the switch left in it. So a process without the key, or with
another one, gets an error from each statement that looks for an opt-out; it never finds nobody.

The hash is HMAC-SHA256 (RFC 2104) of the digits, in SQL, so that DuckDB computes it by columns. Its first 62 bits plus
2^62 are the key, a BIGINT as the number is. With a million opt-outs and ten million contacts, the probability that one
contact has the key of another person is 2 in a million, and the error is on the safe side: that contact gets no
marketing. Numbers of people are below 10^15, so no key is a number. The key of a key is the key itself, and so is that
of a tombstone, which is below 0.
"""

# Annotations stay text: evaluated, they keep DuckDB's types alive in Prefect's threads, and each process would end
# with a page of "leaked" objects.
from __future__ import annotations

import hashlib
import hmac

import duckdb

#: The first hash; numbers are below, and so are all tombstones.
FIRST_HASH = 1 << 62
#: What DuckDB says if the key of a connection is not that of the store.
WRONG_KEY = (
    "this store keeps opt-outs as keyed hashes, and SMS_SUPPRESSION_KEY is missing or not its key: set "
    "SMS_SUPPRESSION=hmac and the key, and start Campanile again; nothing is sent"
)
_BLOCK = 64
_CHECKED = b"campanile: the key of the suppression list"


def check_value(key: bytes | None) -> str:
    """Return what a store keeps to know its key again; empty: no key."""
    return "" if key is None else hmac.digest(key, _CHECKED, "sha256").hex()


def key_of(number_id: int, key: bytes) -> int:
    """Return the key of a number as ``opt_out_key`` does: for tests and for a person who checks one."""
    found = hmac.digest(key, str(number_id).encode(), "sha256")
    return (int.from_bytes(found[:8]) >> 2) + FIRST_HASH


def define_key(connection: duckdb.DuckDBPyConnection, key: bytes | None) -> None:
    """Make the macros of one connection from its key; they live in its memory and not in the store."""
    connection.execute(f"CREATE OR REPLACE TEMP MACRO keyed_check() AS '{check_value(key)}'")
    block = (hashlib.sha256(key).digest() if key is not None and len(key) > _BLOCK else key or b"").ljust(_BLOCK, b"\0")
    inner, outer = (_blob(bytes(byte ^ pad for byte in block)) for pad in (0x36, 0x5C))
    digest = f"sha256({outer} || unhex(sha256({inner} || encode(CAST(number_id AS VARCHAR)))))"
    connection.execute(
        f"CREATE OR REPLACE TEMP MACRO keyed_hash(number_id) AS CASE WHEN number_id BETWEEN 0 AND {FIRST_HASH - 1} "
        f"THEN CAST(CAST('0x' || left({digest}, 16) AS UBIGINT) >> 2 AS BIGINT) + {FIRST_HASH} ELSE number_id END"
    )


def hashing_macro(key: bytes) -> str:
    """Return the statement that makes a store hash its opt-outs from now on, with this key and no other."""
    return (
        "CREATE OR REPLACE MACRO opt_out_key(number_id) AS CASE "
        f"WHEN keyed_check() = '{check_value(key)}' THEN keyed_hash(number_id) ELSE error('{WRONG_KEY}') END"
    )


def is_wrong_key(error: duckdb.Error) -> bool:
    """Return whether DuckDB refused a statement because of the key of the connection."""
    return WRONG_KEY in str(error)


def _blob(content: bytes) -> str:
    return "'" + "".join(f"\\x{byte:02X}" for byte in content) + "'::BLOB"
