"""Write the documents of the tables for analysts again: the data dictionary, dbt's sources, the data contract."""

from collections.abc import Mapping
from pathlib import Path

from campanile.pages.data_dictionary import DICTIONARY_NAME, snapshot_documents

DOCS = Path(__file__).parents[1] / "docs"


def documents() -> Mapping[Path, str]:
    """Return the content of each document by its path."""
    return {
        DOCS / name if name == DICTIONARY_NAME else DOCS / "snapshot" / name: text
        for name, text in snapshot_documents().items()
    }


def main() -> None:
    """Write the documents, and print their paths."""
    for path, text in documents().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(DOCS.parent))


if __name__ == "__main__":
    main()
