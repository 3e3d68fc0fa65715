"""The statements of the documentation and of the Makefile agree with the code."""

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from campanile.files.rejects import REJECT_WORDS
from scripts.mutants import MUTANTS

ROOT = Path(__file__).parents[1]
SETTINGS = [ROOT / "campanile" / "services" / name for name in ("settings.py", "gateway_settings.py")]
ENV_EXAMPLE = ROOT / ".env.example"
DOCS = sorted(str(page.relative_to(ROOT)) for page in (ROOT / "docs").rglob("*.md"))


def dependency_rows(page: str) -> list[str]:
    """Return the names in the first column of the page's tables, in order."""
    return re.findall(r"^\| `([^`]+)` \|", page, re.MULTILINE)


def _is_settings(node: ast.ClassDef) -> bool:
    """Return whether a class has settings, or a part of them."""
    return node.name == "GatewaySettings" or any("BaseSettings" in ast.unparse(base) for base in node.bases)


def declared_settings(source: str) -> set[str]:
    """Return the environment names of the fields of every settings class in a source.

    A field is called ``SMS_`` and its own name, unless its default names an alias.
    """
    classes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ClassDef)]
    settings = [node for node in classes if _is_settings(node)]
    fields = [item for node in settings for item in node.body if isinstance(item, ast.AnnAssign)]
    return {name for field in fields for name in _environment_names(field)}


def _environment_names(field: ast.AnnAssign) -> list[str]:
    own = ast.unparse(field.target)
    if own.startswith("_") or own == "model_config":
        return []
    return re.findall(r"'(SMS_[A-Z0-9_]+)'", ast.unparse(field)) or [f"SMS_{own.upper()}"]


def example_settings(page: str) -> dict[str, bool]:
    """Return each setting of an example file, and whether it has a comment above it or behind it.

    A comment holds for the lines under it, up to an empty one. A setting may itself be commented out.
    """
    found: dict[str, bool] = {}
    above = False
    for line in page.splitlines():
        if entry := re.match(r"(?:# ?)?(SMS_[A-Z0-9_]+)=(.*)", line):
            found[entry[1]] = above or " # " in entry[2]
        else:
            above = bool(re.match(r"# ?\w", line))
    return found


def makefile_targets(makefile: str) -> list[str]:
    return re.findall(r"^([a-z-]+):(?!=)", makefile, re.MULTILINE)


def required() -> list[str]:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return [*pyproject["project"]["dependencies"], *pyproject["dependency-groups"]["dev"]]


def test_every_dependency_is_explained_and_no_other() -> None:
    rows = dependency_rows((ROOT / "docs" / "dependencies.md").read_text())
    assert sorted(rows) == sorted(canonicalize_name(Requirement(line).name) for line in required())


def test_every_setting_is_in_the_example_with_a_comment() -> None:
    example = example_settings(ENV_EXAMPLE.read_text())
    assert set(example) == declared_settings("".join(path.read_text() for path in SETTINGS))
    assert [name for name, has_comment in example.items() if not has_comment] == []


def test_the_readme_names_the_two_commands() -> None:
    readme = (ROOT / "README.md").read_text()
    assert "make demo" in readme
    assert "make test" in readme


def test_help_lists_every_target() -> None:
    listed = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    lines = [line.split("\t") for line in listed.stdout.splitlines()]
    assert [name.split()[1] for name, _ in lines] == makefile_targets((ROOT / "Makefile").read_text())
    assert all(words.strip() for _, words in lines)


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", *DOCS])
def test_every_make_command_of_a_page_is_real(page: str) -> None:
    named = re.findall(
        r"`(?:\$ )?make ([a-z-]+)\b|^\s*(?:\$ )?make ([a-z-]+)\b", (ROOT / page).read_text(), re.MULTILINE
    )
    targets = makefile_targets((ROOT / "Makefile").read_text())
    assert {first or second for first, second in named} - set(targets) == set()


def test_every_path_in_the_guide_of_contributors_is_real() -> None:
    named = re.findall(r"`([a-z_]+/[\w/.]*\w/?)`", (ROOT / "CONTRIBUTING.md").read_text())
    assert len(named) > 80
    missing = [path for path in named if not ((ROOT / path).exists() or (ROOT / "campanile" / path).exists())]
    assert missing == ["flows/holidays.py"], "which may not exist: the guide says why"


def test_every_test_that_the_page_on_reliability_names_is_real() -> None:
    named = cited_tests((ROOT / "docs" / "reliability.md").read_text())
    assert len(named) > 30
    sources = {path: (ROOT / "tests" / f"{path}.py").read_text() for path, _ in named}
    assert [name for path, name in named if f"def {name}(" not in sources[path]] == []


def test_the_page_on_reliability_has_each_guard_once_with_its_tests() -> None:
    rows = guard_rows((ROOT / "docs" / "reliability.md").read_text())
    assert sorted(tag for tag, _ in rows) == sorted(MUTANTS)
    for tag, row in rows:
        files = {f"tests/{path}.py" for path, _ in cited_tests(row)}
        assert files & set(MUTANTS[tag].tests.split()), f"{tag}: make mutants runs {MUTANTS[tag].tests}"


def guard_rows(page: str) -> list[tuple[str, str]]:
    """Return (tag, row) of each row of the table of guards."""
    table = page.partition("## Guards")[2].partition("\n## ")[0]
    return [(row[2], row[1]) for row in re.finditer(r"^(\| `([a-z-]+)` \|.*)$", table, re.MULTILINE)]


def cited_tests(page: str) -> list[tuple[str, str]]:
    """Return (file below tests, test) of each ``folder/file::test``."""
    return re.findall(r"\b([a-z_]+/test_[a-z_]+)::(test_\w+)", page)


# --- the checks of this file can fail ----------------------------------------------------------------------


def test_settings_are_read_from_the_class() -> None:
    source = (
        "class S(BaseSettings):\n    model_config = 1\n    _hidden: int = 0\n    mail_host: str = ''\n"
        "    time: str = Field(alias='SMS_SIMULATED_NOW')\nclass Other(BaseModel):\n    port: int = 1\n"
    )
    assert declared_settings(source) == {"SMS_MAIL_HOST", "SMS_SIMULATED_NOW"}


def test_an_example_without_comment_is_seen() -> None:
    page = (
        "# Mail.\nSMS_HOST=a\nSMS_PORT=25\n\nSMS_TO=b\nSMS_FROM=a # who writes\n# SMS_OFF=1\n# The key.\n# SMS_KEY=\n"
    )
    bare = {name for name, has_comment in example_settings(page).items() if not has_comment}
    assert set(example_settings(page)) == {"SMS_HOST", "SMS_PORT", "SMS_TO", "SMS_FROM", "SMS_OFF", "SMS_KEY"}
    assert bare == {"SMS_TO", "SMS_OFF"}


def test_rows_and_targets_are_read() -> None:
    assert dependency_rows("| name | why |\n| --- | --- |\n| `duckdb` | a |\n| `pandas` | b |\n") == [
        "duckdb",
        "pandas",
    ]
    assert makefile_targets("UV := 1\nall: a ## x\na: ## y\n\tb\n.PHONY: a\n") == ["all", "a"]


def test_every_reason_for_a_rejected_row_is_in_the_docs_in_the_same_words() -> None:
    page = (ROOT / "docs" / "contact-files.md").read_text()
    rows = dict(re.findall(r"^\| ([a-z_]+) \| (.+) \|$", page.partition("## Why rows are rejected")[2], re.MULTILINE))
    assert {reason: words for reason, words in rows.items() if reason != "reason"} == REJECT_WORDS
