"""The size of a file, in words that no mask takes for a number."""

from pathlib import Path

import pytest

from campanile.files.parsing.source_bytes import read_content, size_text
from campanile.sms.errors import ContactFileError
from campanile.sms.text.masking import mask_numbers


@pytest.mark.parametrize(
    ("size", "words"),
    [
        pytest.param(0, "0 bytes", id="none"),
        pytest.param(99_999, "99999 bytes", id="small"),
        pytest.param(20_000_200, "19.1 MB", id="that was shown as 20****200 bytes"),
        pytest.param(200 * 1024 * 1024, "200.0 MB", id="what SMS_MAX_FILE_MB allows"),
        pytest.param(10**15, "953,674,316.4 MB", id="beyond all"),
    ],
)
def test_a_size_is_not_masked_as_a_number(size: int, words: str) -> None:
    assert size_text(size) == words
    if size < 10**12:
        assert mask_numbers(f"it has {size_text(size)}; allowed: up to {size_text(size)}").count(words) == 2


def test_a_file_that_is_too_large_says_so_in_sizes(tmp_path: Path) -> None:
    path = tmp_path / "clients.csv"
    with path.open("wb") as file:
        file.truncate(20_000_200)
    with pytest.raises(ContactFileError) as refused:
        read_content(path, 10_000_000)
    assert mask_numbers(str(refused.value)) == "it has 19.1 MB; allowed: up to 9.5 MB"
