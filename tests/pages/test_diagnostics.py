"""The page of the checks: those with something to do come first."""

from campanile.pages.diagnostics import checks_page
from campanile.pages.views import Check


def test_the_page_names_what_to_do_first() -> None:
    page = checks_page(
        [
            Check("Versions of the programs", "in order", "python 3.11"),
            Check("Copies of the store", "advice", "there is none", "run backup-store"),
            Check("Gateway", "fails", "no answer", "start it"),
        ]
    )
    assert page.splitlines()[2:] == [
        "**3 checks were made; to do: 2.**",
        "",
        "## To do",
        "",
        "- ✗ **Gateway**: no answer",
        "    - To do: start it",
        "- ⚠ **Copies of the store**: there is none",
        "    - To do: run backup-store",
        "",
        "## In order",
        "",
        "- ✓ **Versions of the programs**: python 3.11",
    ]
