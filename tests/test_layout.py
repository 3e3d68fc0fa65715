"""The layers of the project, checked from the sources: allowed imports, and modules that only some layers may use.

Each guard takes a path from the root and a source, and returns its complaints; the lower half of this file
feeds each of them a bad source, so that a guard that cannot fail is seen.
"""

import ast
import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from functools import cache
from importlib.machinery import PathFinder
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

FLOORS = {
    "campanile.sms": set[str](),
    "schemas": {"campanile.sms"},
    "campanile.files": {"schemas", "campanile.sms"},
    "campanile.gateways": {"schemas", "campanile.sms"},
    "campanile.store": {"schemas", "campanile.sms"},
    "campanile.pages": {"campanile.files", "campanile.gateways", "campanile.store", "schemas", "campanile.sms"},
    "campanile.services": {
        "campanile.pages", "campanile.files", "campanile.gateways", "campanile.store", "schemas", "campanile.sms",
    },
    "campanile": {"campanile.services", "campanile.store", "schemas", "campanile.sms"},
    "tasks": {
        "campanile.services", "campanile.pages", "campanile.files", "campanile.gateways", "campanile.store",
        "schemas", "campanile.sms",
    },
    "flows": {
        "tasks", "campanile.services", "campanile.pages", "campanile.store", "schemas", "campanile.sms",
    },
}  # fmt: skip
"""Which floors each floor may import; ``campanile`` itself holds the commands that are started by ``python -m``."""
EVERYWHERE = {"campanile.file_permissions"}
OWNERS = {
    "prefect": {"flows", "tasks"},
    "requests": {"campanile.gateways"},
    "duckdb": {"campanile.store", "campanile.files", "campanile.sms"},
}
"""Which floors may import a library that connects to something outside."""
IN_MEMORY_ONLY = {"campanile.files", "campanile.sms"}
SETTINGS = "campanile/services/settings.py"
CLOCK_FLOORS = {"flows", "tasks", "campanile.services"}
SERVER_CLOCKS = {"campanile/gateways/sandbox/__main__.py", "campanile/gateways/callbacks/__main__.py"}
"""The modules below the tasks that read the wall clock: each starts a server of its own with it."""
ENVIRONMENT = {"os.environ", "os.environb", "os.getenv", "os.putenv", "pydantic_settings"}
ENVIRONMENT_OF_FORKS = {"campanile/services/fork_client.py", "campanile/services/fork_server.py"}
"""The modules that make the environment of a run that of its worker; they read no variable."""
WALL_CLOCK = re.compile(
    r"(?:.*\.)?(?:datetime|date|Timestamp)\.(?:now|utcnow|today)"
    r"|time\.(?:time|time_ns|localtime|gmtime|ctime|CLOCK_REALTIME)"
)
SQL_CLOCK = re.compile(
    r"(?<![$\w])(?:(?:now|today|get_current_\w+|transaction_timestamp)\s*\(|current_(?:local)?(?:date|time|timestamp)\b)",
    re.IGNORECASE,
)
MODULE_LINES = 300
FLOW_LINES = 80

Guard = Callable[[str, str], list[str]]


def floor(path: str) -> str:
    """Return the floor of a source: ``campanile/store/db/database.py`` is on ``campanile.store``."""
    return floor_of(path.removesuffix(".py").removesuffix("/__init__").replace("/", "."))


def floor_of(name: str) -> str:
    """Return the floor of a module, or the first part of a name that is on none."""
    parts = name.split(".")
    inner = ".".join(parts[:2])
    return inner if inner in FLOORS else parts[0]


@cache
def parsed(source: str) -> ast.Module:
    """Return the syntax tree of a source, parsed once for all guards."""
    return ast.parse(source)


def imported(source: str) -> Iterator[str]:
    """Yield the full name of everything a source imports, wherever in the file."""
    for node in ast.walk(parsed(source)):
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
    tree = parsed(source)
    aliases = _aliases(tree)
    yield from imported(source)
    yield from (_dotted(node, aliases) for node in ast.walk(tree) if isinstance(node, ast.Attribute | ast.Name))


def imports_go_down(path: str, source: str) -> list[str]:
    allowed = FLOORS[floor(path)] | {floor(path)}
    outside = {name for name in imported(source) if not any(name.startswith(each) for each in EVERYWHERE)}
    found = {floor_of(name) for name in outside}
    return [f"{path} imports {each or 'relatively'}" for each in sorted(found & (set(FLOORS) | {""}) - allowed)]


def libraries_stay_home(path: str, source: str) -> list[str]:
    tops = {name.split(".")[0].split("_")[0] for name in imported(source)}
    return [f"{path} imports {top}" for top in sorted(tops & set(OWNERS)) if floor(path) not in OWNERS[top]]


def engine_stays_in_memory(path: str, source: str) -> list[str]:
    if floor(path) not in IN_MEMORY_ONLY:
        return []
    tree = parsed(source)
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
    if path in (SETTINGS, *ENVIRONMENT_OF_FORKS):
        return []
    names = {".".join(name.split(".")[:length]) for name in mentioned(source) for length in (1, 2)}
    return [f"{path} reads the environment: {name}" for name in sorted(names & ENVIRONMENT)]


def clock_is_passed_down(path: str, source: str) -> list[str]:
    if floor(path) in CLOCK_FLOORS or path in SERVER_CLOCKS:
        return []
    names = sorted({name for name in mentioned(source) if WALL_CLOCK.fullmatch(name)})
    return [f"{path} reads the wall clock: {name}" for name in names]


def flows_hold_flows_only(path: str, source: str) -> list[str]:
    if floor(path) != "flows" or path.endswith(("__init__.py", "__main__.py")):
        return []
    tree = parsed(source)
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
    """Return whether a name finds a module outside one folder."""
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
PACKAGES = ("campanile", "flows", "schemas", "tasks")
MODULES = sorted(str(file.relative_to(ROOT)) for package in PACKAGES for file in (ROOT / package).rglob("*.py"))
STATEMENTS = sorted(str(file.relative_to(ROOT)) for package in PACKAGES for file in (ROOT / package).rglob("*.sql"))


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.__name__)
def test_the_layout_holds(guard: Guard) -> None:
    assert [complaint for path in MODULES for complaint in guard(path, (ROOT / path).read_text())] == []


def test_no_statement_reads_the_clock() -> None:
    assert [found for path in STATEMENTS for found in sql_reads_no_clock(path, (ROOT / path).read_text())] == []


def test_no_flow_file_hides_a_module() -> None:
    stems = [file.stem for file in (ROOT / "flows").glob("[!_]*.py")]
    assert [stem for stem in stems if is_importable(stem, without=ROOT / "flows")] == []


def test_every_floor_is_packaged() -> None:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert tuple(pyproject["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) == PACKAGES
    folders = {str(Path(path).parent) for path in MODULES}
    assert [folder for folder in sorted(folders) if f"{folder}/__init__.py" not in MODULES] == []
    assert {floor(path) for path in MODULES} == set(FLOORS)


def test_there_is_no_circle_of_imports() -> None:
    graph = {module_name(path): set(modules_imported((ROOT / path).read_text())) for path in MODULES}
    assert find_circle(graph) is None


def test_a_circle_of_imports_is_seen() -> None:
    assert find_circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert find_circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) is None


def module_name(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def modules_imported(source: str) -> Iterator[str]:
    """Yield the modules of ours that a source imports when it is loaded: those of ``TYPE_CHECKING`` are not."""
    names = {module_name(path) for path in MODULES}
    for node in parsed(source).body:
        for name in imported(ast.unparse(node)) if isinstance(node, ast.Import | ast.ImportFrom) else ():
            yield name if name in names else name.rpartition(".")[0]


def find_circle(graph: dict[str, set[str]]) -> list[str] | None:
    """Return a chain of imports that comes back to its beginning, or None."""
    done: set[str] = set()

    def follow(module: str, chain: list[str]) -> list[str] | None:
        if module in chain:
            return [*chain[chain.index(module) :], module]
        if module in done:
            return None
        for following in sorted(graph.get(module, ())):
            if found := follow(following, [*chain, module]):
                return found
        done.add(module)
        return None

    return next((found for module in sorted(graph) if (found := follow(module, []))), None)


# --- each guard can fail -------------------------------------------------------------------------------------

FLOW = "from tasks.refusals import flow\n@flow(name='a')\ndef send_it():\n    pass\n"


@pytest.mark.parametrize(
    ("guard", "path", "source"),
    [
        (imports_go_down, "campanile/sms/a.py", "import schemas"),
        (imports_go_down, "schemas/a.py", "from campanile.store.db.database import transaction"),
        (imports_go_down, "campanile/files/a.py", "def f():\n    from campanile.gateways import mail"),
        (imports_go_down, "campanile/gateways/a.py", "import campanile.files.reader as r"),
        (imports_go_down, "campanile/store/a.py", "import os, campanile.services.settings"),
        (imports_go_down, "tasks/a.py", "import flows"),
        (imports_go_down, "campanile/sms/a.py", "from . import errors"),
        (libraries_stay_home, "campanile/store/a.py", "from prefect import task"),
        (libraries_stay_home, "campanile/gateways/a.py", "import prefect.runtime"),
        (libraries_stay_home, "campanile/gateways/a.py", "import prefect_email"),
        (imports_go_down, "campanile/pages/a.py", "from campanile.services.context import Context"),
        (imports_go_down, "campanile/store/a.py", "from campanile.files import exports"),
        (libraries_stay_home, "campanile/services/a.py", "from prefect import task"),
        (libraries_stay_home, "tasks/a.py", "import requests"),
        (libraries_stay_home, "campanile/sms/a.py", "from requests.adapters import HTTPAdapter"),
        (libraries_stay_home, "tasks/a.py", "import duckdb"),
        (libraries_stay_home, "campanile/gateways/a.py", "from duckdb import connect"),
        (engine_stays_in_memory, "campanile/files/a.py", "import duckdb\nduckdb.connect('data/sms.duckdb')"),
        (engine_stays_in_memory, "campanile/files/a.py", "import duckdb as d\nd.connect(path)"),
        (engine_stays_in_memory, "campanile/sms/a.py", "from duckdb import connect as c\nc(database=path)"),
        (engine_stays_in_memory, "campanile/sms/a.py", "import duckdb\nduckdb.connect(**options)"),
        (engine_stays_in_memory, "campanile/sms/a.py", "engine.execute('ATTACH ? AS store', [path])"),
        (environment_is_read_once, "tasks/a.py", "import os\nos.environ['A']"),
        (environment_is_read_once, "flows/a.py", "import os as o\no.getenv('A')"),
        (environment_is_read_once, "campanile/sms/a.py", "from os import environ"),
        (environment_is_read_once, "campanile/store/a.py", "from pydantic_settings import BaseSettings"),
        (clock_is_passed_down, "campanile/sms/a.py", "import datetime\ndatetime.datetime.now()"),
        (clock_is_passed_down, "campanile/store/a.py", "from datetime import datetime as d\nd.now(tz)"),
        (clock_is_passed_down, "campanile/store/a.py", "from datetime import datetime\nf(now=datetime.utcnow)"),
        (clock_is_passed_down, "campanile/files/a.py", "import datetime as dt\ndt.date.today()"),
        (clock_is_passed_down, "campanile/files/a.py", "import pandas as pd\npd.Timestamp.now()"),
        (clock_is_passed_down, "campanile/gateways/a.py", "import time\ntime.time()"),
        (clock_is_passed_down, "campanile/gateways/a.py", "from time import time"),
        (clock_is_passed_down, "campanile/gateways/a.py", "import time\ntime.clock_gettime(time.CLOCK_REALTIME)"),
        (flows_hold_flows_only, "flows/send_it.py", FLOW + "def helper():\n    pass\n"),
        (flows_hold_flows_only, "flows/send_it.py", FLOW + "class Draft:\n    pass\n"),
        (flows_hold_flows_only, "flows/send_it.py", FLOW + "    pass\n" * FLOW_LINES),
        (flows_hold_flows_only, "flows/send_them.py", FLOW),
        (flows_hold_flows_only, "flows/send_it.py", "def flow(f):\n    pass\n@flow\ndef send_it():\n    pass\n"),
        (flows_hold_flows_only, "flows/send_it.py", "import prefect\n@prefect.flow\ndef send_it():\n    pass\n"),
        (modules_are_short, "campanile/sms/a.py", "x = 1\n" * (MODULE_LINES + 1)),
        (sql_reads_no_clock, "campanile/store/sql/a.sql", "SELECT now()"),
        (sql_reads_no_clock, "campanile/store/sql/a.sql", "SELECT CURRENT_TIMESTAMP -- $now"),
    ],
)
def test_a_bad_source_is_seen(guard: Guard, path: str, source: str) -> None:
    assert guard(path, source)


@pytest.mark.parametrize(
    ("guard", "path", "source"),
    [
        (imports_go_down, "tasks/a.py", "import campanile.files, campanile.services.context, schemas, tasks.b, pandas"),
        (libraries_stay_home, "campanile/gateways/a.py", "import requests"),
        (
            engine_stays_in_memory,
            "campanile/files/a.py",
            "import duckdb\nduckdb.connect()\nduckdb.connect(':memory:', config={})",
        ),
        (environment_is_read_once, SETTINGS, "import os\nos.environ"),
        (environment_is_read_once, "campanile/sms/a.py", "import os\nos.path.join(environ)"),
        (clock_is_passed_down, "tasks/a.py", "from datetime import datetime\ndatetime.now(tz)"),
        (clock_is_passed_down, "campanile/store/a.py", "import time\ntime.monotonic()\nnow()\nclock.now()"),
        (flows_hold_flows_only, "flows/send_it.py", FLOW),
        (sql_reads_no_clock, "campanile/store/sql/a.sql", "SELECT $now, known_at -- not now()\nWHERE note = 'today()'"),
    ],
)
def test_a_good_source_passes(guard: Guard, path: str, source: str) -> None:
    assert guard(path, source) == []


@pytest.mark.parametrize("stem", ["holidays", "json", "sys", "tasks"])
def test_a_stem_that_hides_a_module_is_seen(stem: str) -> None:
    assert is_importable(stem, without=ROOT / "flows")
    assert not is_importable("send_due_campaigns", without=ROOT / "flows")
