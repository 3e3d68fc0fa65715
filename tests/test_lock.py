"""pyproject.toml and requirements.lock must agree; `make lock` makes them."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
LOCK = (ROOT / "requirements.lock").read_text()

ENTRY = re.compile(
    r"^(?P<name>[a-z0-9][a-z0-9._-]*)==(?P<version>[^\s;]+)(?P<rest>(?:[^\n]*\\\n)*[^\n]*)$", re.MULTILINE
)
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}(?![0-9a-f])")
ADDRESS = re.compile(r"[a-z]+://|--(?:extra-)?index|--find-links|--trusted-host|@ |\bwww\.|\.(?:org|com|io|net)\b")


def locked_versions(lock: str) -> dict[str, set[Version]]:
    """Return each locked name with its versions (several where they depend on the platform)."""
    versions: dict[str, set[Version]] = {}
    for entry in ENTRY.finditer(lock):
        versions.setdefault(canonicalize_name(entry["name"]), set()).add(Version(entry["version"]))
    return versions


def disagreements(requirements: list[str], lock: str) -> list[str]:
    """Return the requirements that the lock does not hold at a version they accept."""
    versions = locked_versions(lock)
    found = []
    for requirement in map(Requirement, requirements):
        locked = versions.get(canonicalize_name(requirement.name), set())
        if not locked:
            found.append(f"{requirement} is not in requirements.lock")
        found += [f"{requirement} is locked at {v}" for v in sorted(locked) if v not in requirement.specifier]
    return found


def unhashed(lock: str) -> list[str]:
    """Return the entries without any hash, and the lines that belong to no entry."""
    names = [entry["name"] for entry in ENTRY.finditer(lock) if not HASH.search(entry["rest"])]
    strangers = [line for line in ENTRY.sub("", lock).splitlines() if line.strip() and not line.startswith("#")]
    return names + strangers


def required() -> list[str]:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return [*pyproject["project"]["dependencies"], *pyproject["dependency-groups"]["dev"]]


def test_every_requirement_is_locked_at_a_version_it_accepts() -> None:
    assert disagreements(required(), LOCK) == []


def test_every_locked_entry_has_a_hash() -> None:
    assert len(locked_versions(LOCK)) > len(required())
    assert unhashed(LOCK) == []


def test_the_lock_names_no_host() -> None:
    assert [line for line in LOCK.splitlines() if ADDRESS.search(line)] == []


def test_there_is_one_lock() -> None:
    assert not (ROOT / "uv.lock").exists()


SMALL = f"one==1.0 ; python_version < '4' \\\n    --hash=sha256:{'0' * 64}\ntwo==2.1\n"


@pytest.mark.parametrize(
    ("requirement", "complaint"),
    [
        ("one>=1", []),
        ("One", []),
        ("one>=2", ["one>=2 is locked at 1.0"]),
        ("three", ["three is not in requirements.lock"]),
    ],
)
def test_a_disagreement_is_seen(requirement: str, complaint: list[str]) -> None:
    assert disagreements([requirement], SMALL) == complaint


def test_a_missing_hash_and_a_stray_line_are_seen() -> None:
    assert unhashed(SMALL) == ["two"]
    assert unhashed("-e .\n") == ["-e ."]


@pytest.mark.parametrize(
    "line", ["--index-url https://index.example/simple", "one @ file:///one.whl", "--find-links wheels"]
)
def test_an_address_is_seen(line: str) -> None:
    assert ADDRESS.search(line)
