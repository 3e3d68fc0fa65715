"""The table of guards that ``make mutants`` removes stays true while the code moves."""

from pathlib import Path

import pytest

from scripts.mutants import MUTANTS, ROOT, Guard, find_guards, mutated

GUARDS = find_guards()


@pytest.mark.parametrize("name", MUTANTS)
def test_each_guard_is_marked_once_and_its_tests_exist(name: str) -> None:
    (guard,) = GUARDS[name]
    source = guard.path.read_text(encoding="utf-8")
    assert mutated(source, guard, MUTANTS[name].instead) != source
    files = [word for word in MUTANTS[name].tests.split() if word.endswith(".py")]
    assert files
    assert [file for file in files if not (ROOT / file).is_file()] == []


def test_each_mark_is_in_the_table() -> None:
    assert set(GUARDS) == set(MUTANTS)


def test_a_mark_stands_behind_its_line_or_above_it(tmp_path: Path) -> None:
    folder = tmp_path / "campanile"
    folder.mkdir()
    (folder / "a.py").write_text("if a:  # guard(2): one\n    b()\n# guard: two\nc()\n")
    (folder / "b.sql").write_text("SELECT 1\nWHERE false -- guard: three\n")
    found = {name: [(guard.first, guard.end) for guard in guards] for name, guards in find_guards(tmp_path).items()}
    assert found == {"one": [(0, 2)], "two": [(3, 4)], "three": [(1, 2)]}


def test_what_stands_instead_keeps_the_indentation_of_the_guard() -> None:
    source, guard = "def f(x):\n    g(x)\n    h(x)\n", Guard(Path("f.py"), 1, 2)
    assert mutated(source, guard, "") == "def f(x):\n    h(x)\n"
    assert (
        mutated(source, guard, "\n        if x:\n            pass\n")
        == "def f(x):\n    if x:\n        pass\n    h(x)\n"
    )
