"""The plan of the house, checked from the sources: who imports whom, and what only some rooms may touch.

Each guard takes a path from the root and a source, and returns its complaints; the lower half of this file
feeds each of them a bad source, so that a guard that cannot fail is seen.
"""

import ast
import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from importlib.machinery import PathFinder
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

FLOORS = {
    "sms": set[str](),
    "schemas": {"sms"},
    "files": {"schemas", "sms"},
    "gateways": {"schemas", "sms"},
    "store": {"schemas", "sms"},
    "tasks": {"files", "gateways", "store", "schemas", "sms"},
    "flows": {"tasks", "files", "gateways", "store", "schemas", "sms"},
}
OWNERS = {"prefect": {"flows", "tasks"}, "requests": {"gateways"}, "duckdb": {"store", "files", "sms"}}
"""Who may import a library that stands for something outside."""
IN_MEMORY_ONLY = {"files", "sms"}
SETTINGS = "tasks/settings.py"
CLOCK_ROOMS = {"flows", "tasks"}
SERVER_CLOCKS = {"gateways/sandbox/__main__.py", "gateways/kannel/__main__.py"}
"""The modules below the tasks that read the wall clock: each starts a server of its own with it."""
ENVIRONMENT = {"os.environ", "os.environb", "os.getenv", "os.putenv", "pydantic_settings"}
WALL_CLOCK = re.compile(
    r"(?:.*\.)?(?:datetime|date|Timestamp)\.(?:now|utcnow|today)"
    r"|time\.(?:time|time_ns|localtime|gmtime|ctime|CLOCK_REALTIME)"
)
SQL_CLOCK = re.compile(
    r"(?<![$\w])(?:(?:now|today|get_current_\w+|transaction_timestamp)\s*\(|current_(?:local)?(?:date|time|timestamp)\b)",
    re.IGNORECASE,
)
MODULE_LINES = 350
FLOW_LINES = 80

Guard = Callable[[str, str], list[str]]


def room(path: str) -> str:
    return path.split("/")[0]


def imported(source: str) -> Iterator[str]:
    """Yield the full name of everything a source imports, wherever in the file."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{'.' * node.level}{node.module or ''}.{name.name}" for name in node.names)


def _aliases(tree: ast.AST) -> dict[str, str]:
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {name.asname: name.name for name in node.names if name.asname}
        elif isinstance(node, ast.ImportFrom):
            found |= {name.asname or name.name: f"{node.module}.{name.name}" for name in node.names}
    return found


def _dotted(node: ast.AST, aliases: dict[str, str]) -> str:
    if isinstance(node, ast.Name):
        return aliases.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value, aliases)}.{node.attr}"
    return ""


def mentioned(source: str) -> Iterator[str]:
    """Yield the full dotted name of everything a source imports or refers to, aliases resolved."""
    tree = ast.parse(source)
    aliases = _aliases(tree)
    yield from imported(source)
    yield from (_dotted(node, aliases) for node in ast.walk(tree) if isinstance(node, ast.Attribute | ast.Name))


def imports_go_down(path: str, source: str) -> list[str]:
    allowed = FLOORS[room(path)] | {room(path)}
    tops = {name.split(".")[0] for name in imported(source)}
    return [f"{path} imports {top or 'relatively'}" for top in sorted(tops & (set(FLOORS) | {""}) - allowed)]


def libraries_stay_home(path: str, source: str) -> list[str]:
    tops = {name.split(".")[0].split("_")[0] for name in imported(source)}
    return [f"{path} imports {top}" for top in sorted(tops & set(OWNERS)) if room(path) not in OWNERS[top]]


def engine_stays_in_memory(path: str, source: str) -> list[str]:
    if room(path) not in IN_MEMORY_ONLY:
        return []
    tree = ast.parse(source)
    aliases = _aliases(tree)
    complaints = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _dotted(node.func, aliases) == "duckdb.connect":
            named = [
                *node.args[:1],
                *(keyword.value for keyword in node.keywords if keyword.arg in (None, "database")),
            ]
            if any(not isinstance(value, ast.Constant) or value.value != ":memory:" for value in named):
                complaints.append(f"{path}:{node.lineno} opens a DuckDB file")
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and re.match(r"\s*ATTACH\s", node.value):
            complaints.append(f"{path}:{node.lineno} attaches a DuckDB file")
    return complaints


def environment_is_read_once(path: str, source: str) -> list[str]:
    if path == SETTINGS:
        return []
    names = {".".join(name.split(".")[:length]) for name in mentioned(source) for length in (1, 2)}
    return [f"{path} reads the environment: {name}" for name in sorted(names & ENVIRONMENT)]


def clock_is_passed_down(path: str, source: str) -> list[str]:
    if room(path) in CLOCK_ROOMS or path in SERVER_CLOCKS:
        return []
    names = sorted({name for name in mentioned(source) if WALL_CLOCK.fullmatch(name)})
    return [f"{path} reads the wall clock: {name}" for name in names]


def flows_hold_flows_only(path: str, source: str) -> list[str]:
    if room(path) != "flows" or path.endswith(("__init__.py", "__main__.py")):
        return []
    tree = ast.parse(source)
    defs = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    complaints = [f"{path} holds the class {node.name}" for node in classes]
    complaints += [f"{path} holds {node.name}, which is no flow" for node in defs if not _is_flow(node, tree)]
    complaints += [f"{path}: {node.name} has {_length(node)} lines" for node in defs if _length(node) >= FLOW_LINES]
    if [node.name for node in defs if _is_flow(node, tree)] != [Path(path).stem]:
        complaints.append(f"{path} does not hold exactly the flow {Path(path).stem}")
    return complaints


def _is_flow(node: ast.FunctionDef | ast.AsyncFunctionDef, tree: ast.AST) -> bool:
    decorators = [item.func if isinstance(item, ast.Call) else item for item in node.decorator_list]
    return any(_dotted(item, _aliases(tree)) == "tasks.refusals.flow" for item in decorators)


def _length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    first = min([node.lineno, *(item.lineno for item in node.decorator_list)])
    return (node.end_lineno or first) - first + 1


def modules_are_short(path: str, source: str) -> list[str]:
    count = len(source.splitlines())
    return [f"{path} has {count} lines; {MODULE_LINES} are allowed"] if count > MODULE_LINES else []


def sql_reads_no_clock(path: str, source: str) -> list[str]:
    bare = re.sub(r"--[^\n]*|/\*.*?\*/|'[^']*'", " ", source, flags=re.DOTALL)
    return [f"{path} reads the wall clock: {found[0]}" for found in SQL_CLOCK.finditer(bare)]


def is_importable(stem: str, without: Path) -> bool:
    """Tell whether a name finds a module anywhere but in one folder."""
    if stem in sys.builtin_module_names or stem in sys.stdlib_module_names:
        return True
    elsewhere = [entry for entry in sys.path if Path(entry or ".").resolve() != without.resolve()]
    return PathFinder.find_spec(stem, elsewhere) is not None


GUARDS: list[Guard] = [
    imports_go_down,
    libraries_stay_home,
    engine_stays_in_memory,
    environment_is_read_once,
    clock_is_passed_down,
    flows_hold_flows_only,
    modules_are_short,
]
MODULES = sorted(str(file.relative_to(ROOT)) for package in FLOORS for file in (ROOT / package).rglob("*.py"))
STATEMENTS = sorted(str(file.relative_to(ROOT)) for package in FLOORS for file in (ROOT / package).rglob("*.sql"))


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.__name__)
def test_the_house(guard: Guard) -> None:
    assert [complaint for path in MODULES for complaint in guard(path, (ROOT / path).read_text())] == []


def test_no_statement_reads_the_clock() -> None:
    assert [found for path in STATEMENTS for found in sql_reads_no_clock(path, (ROOT / path).read_text())] == []


def test_no_flow_file_hides_a_module() -> None:
    stems = [file.stem for file in (ROOT / "flows").glob("[!_]*.py")]
    assert [stem for stem in stems if is_importable(stem, without=ROOT / "flows")] == []


def test_every_floor_is_packaged() -> None:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert sorted(pyproject["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) == sorted(FLOORS)
    assert {path.split("/")[0] for path in MODULES if path.endswith("/__init__.py")} == set(FLOORS)


# --- each guard can fail -------------------------------------------------------------------------------------

FLOW = "from tasks.refusals import flow\n@flow(name='a')\ndef send_it():\n    pass\n"


@pytest.mark.parametrize(
    ("guard", "path", "source"),
    [
        (imports_go_down, "sms/a.py", "import schemas"),
        (imports_go_down, "schemas/a.py", "from store.database import transaction"),
        (imports_go_down, "files/a.py", "def f():\n    from gateways import mail"),
        (imports_go_down, "gateways/a.py", "import files.reader as r"),
        (imports_go_down, "store/a.py", "import os, tasks.settings"),
        (imports_go_down, "tasks/a.py", "import flows"),
        (imports_go_down, "sms/a.py", "from . import errors"),
        (libraries_stay_home, "store/a.py", "from prefect import task"),
        (libraries_stay_home, "gateways/a.py", "import prefect.runtime"),
        (libraries_stay_home, "gateways/a.py", "import prefect_email"),
        (libraries_stay_home, "tasks/a.py", "import requests"),
        (libraries_stay_home, "sms/a.py", "from requests.adapters import HTTPAdapter"),
        (libraries_stay_home, "tasks/a.py", "import duckdb"),
        (libraries_stay_home, "gateways/a.py", "from duckdb import connect"),
        (engine_stays_in_memory, "files/a.py", "import duckdb\nduckdb.connect('data/sms.duckdb')"),
        (engine_stays_in_memory, "files/a.py", "import duckdb as d\nd.connect(path)"),
        (engine_stays_in_memory, "sms/a.py", "from duckdb import connect as c\nc(database=path)"),
        (engine_stays_in_memory, "sms/a.py", "import duckdb\nduckdb.connect(**options)"),
        (engine_stays_in_memory, "sms/a.py", "engine.execute('ATTACH ? AS store', [path])"),
        (environment_is_read_once, "tasks/a.py", "import os\nos.environ['A']"),
        (environment_is_read_once, "flows/a.py", "import os as o\no.getenv('A')"),
        (environment_is_read_once, "sms/a.py", "from os import environ"),
        (environment_is_read_once, "store/a.py", "from pydantic_settings import BaseSettings"),
        (clock_is_passed_down, "sms/a.py", "import datetime\ndatetime.datetime.now()"),
        (clock_is_passed_down, "store/a.py", "from datetime import datetime as d\nd.now(tz)"),
        (clock_is_passed_down, "store/a.py", "from datetime import datetime\nf(now=datetime.utcnow)"),
        (clock_is_passed_down, "files/a.py", "import datetime as dt\ndt.date.today()"),
        (clock_is_passed_down, "files/a.py", "import pandas as pd\npd.Timestamp.now()"),
        (clock_is_passed_down, "gateways/a.py", "import time\ntime.time()"),
        (clock_is_passed_down, "gateways/a.py", "from time import time"),
        (clock_is_passed_down, "gateways/a.py", "import time\ntime.clock_gettime(time.CLOCK_REALTIME)"),
        (flows_hold_flows_only, "flows/send_it.py", FLOW + "def helper():\n    pass\n"),
        (flows_hold_flows_only, "flows/send_it.py", FLOW + "class Draft:\n    pass\n"),
        (flows_hold_flows_only, "flows/send_it.py", FLOW + "    pass\n" * FLOW_LINES),
        (flows_hold_flows_only, "flows/send_them.py", FLOW),
        (flows_hold_flows_only, "flows/send_it.py", "def flow(f):\n    pass\n@flow\ndef send_it():\n    pass\n"),
        (flows_hold_flows_only, "flows/send_it.py", "import prefect\n@prefect.flow\ndef send_it():\n    pass\n"),
        (modules_are_short, "sms/a.py", "x = 1\n" * (MODULE_LINES + 1)),
        (sql_reads_no_clock, "store/sql/a.sql", "SELECT now()"),
        (sql_reads_no_clock, "store/sql/a.sql", "SELECT CURRENT_TIMESTAMP -- $now"),
    ],
)
def test_a_bad_source_is_seen(guard: Guard, path: str, source: str) -> None:
    assert guard(path, source)


@pytest.mark.parametrize(
    ("guard", "path", "source"),
    [
        (imports_go_down, "tasks/a.py", "import files, gateways, store, schemas, sms, tasks.b, pandas"),
        (libraries_stay_home, "gateways/a.py", "import requests"),
        (
            engine_stays_in_memory,
            "files/a.py",
            "import duckdb\nduckdb.connect()\nduckdb.connect(':memory:', config={})",
        ),
        (environment_is_read_once, SETTINGS, "import os\nos.environ"),
        (environment_is_read_once, "sms/a.py", "import os\nos.path.join(environ)"),
        (clock_is_passed_down, "tasks/a.py", "from datetime import datetime\ndatetime.now(tz)"),
        (clock_is_passed_down, "store/a.py", "import time\ntime.monotonic()\nnow()\nclock.now()"),
        (flows_hold_flows_only, "flows/send_it.py", FLOW),
        (sql_reads_no_clock, "store/sql/a.sql", "SELECT $now, known_at -- not now()\nWHERE note = 'today()'"),
    ],
)
def test_a_good_source_passes(guard: Guard, path: str, source: str) -> None:
    assert guard(path, source) == []


@pytest.mark.parametrize("stem", ["holidays", "json", "sys", "tasks"])
def test_a_stem_that_hides_a_module_is_seen(stem: str) -> None:
    assert is_importable(stem, without=ROOT / "flows")
    assert not is_importable("send_due_campaigns", without=ROOT / "flows")
