"""The table of guards that `make mutants` takes away stays true while the code moves."""

import pytest

from scripts.mutants import MUTANTS, ROOT, Mutant


@pytest.mark.parametrize("mutant", [pytest.param(mutant, id=mutant.guard) for mutant in MUTANTS])
def test_each_guard_stands_where_the_table_says(mutant: Mutant) -> None:
    assert mutant.line in (ROOT / mutant.path).read_text(encoding="utf-8")
    assert mutant.line != mutant.instead
    assert [
        word for word in mutant.tests.split() if word.endswith(".py") and not (ROOT / "tests" / word).is_file()
    ] == []
