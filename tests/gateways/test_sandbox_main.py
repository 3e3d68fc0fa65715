"""What the command line refuses, on one clear line, before it listens."""

import pytest

from campanile.gateways.sandbox.__main__ import main

WRONG_OPTIONS = [
    # label, arguments, what it says
    ("every address", ["--host=0.0.0.0"], "0.0.0.0 can be reached from other machines: add --allow-remote"),
    ("another address", ["--host=192.0.2.1"], "add --allow-remote"),
    ("a name", ["--host=example.org"], "add --allow-remote"),
    ("unknown fault", ["--faults=fire=1"], "'fire' is none of throttle"),
    ("impossible share", ["--faults=reset=2"], "reset is '2': it must be a number from 0 to 1"),
    ("port out of range", ["--port=70000"], "70000 is none of 0 to 65535"),
    ("no tariff", ["--tariff=nowhere.csv"], "nowhere.csv"),
    ("unknown resolution", ["--resolution=both"], "'both'"),
    ("unknown option", ["--colour=blue"], "unrecognized arguments: --colour=blue"),
    ("balance is a word", ["--balance=much"], "'much' is no amount"),
    ("balance without end", ["--balance=Infinity"], "'Infinity' is no amount"),
    ("time before now", ["--delivery-seconds=-1"], "'-1' is no duration"),
    ("latency is no number", ["--latency-ms=nan"], "'nan' is no duration"),
]


@pytest.mark.parametrize(("arguments", "words"), [row[1:] for row in WRONG_OPTIONS], ids=[r[0] for r in WRONG_OPTIONS])
def test_wrong_option_is_one_clear_line(tmp_path, capsys, arguments, words):
    try:
        code = main(["--state", str(tmp_path), "--port=0", *arguments])
    except SystemExit as stop:
        code = stop.code
    assert code == 2
    assert words in capsys.readouterr().err.splitlines()[-1]


def test_port_in_use_is_one_clear_line(sandbox, tmp_path, capsys):
    port = sandbox.base_url.rpartition(":")[2]
    for _ in range(2):  # the second time tells that the first let the folder go
        assert main(["--state", str(tmp_path), "--port", port]) == 2
        assert capsys.readouterr().err == f"sandbox: cannot listen on 127.0.0.1:{port}: Address already in use\n"


def test_folder_in_use_is_one_clear_line(sandbox, capsys):
    assert main(["--state", str(sandbox.state_dir), "--port=0"]) == 2
    assert capsys.readouterr().err.endswith("journal.jsonl is in use: another sandbox runs on this folder\n")


def test_folder_is_needed(capsys):
    with pytest.raises(SystemExit):
        main([])
    assert "--state" in capsys.readouterr().err
