"""The laws of the house: floors, budgets, names, and what is loaded when."""

import ast
import fnmatch
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import derive

TESTS = Path(__file__).parent
TOP = TESTS.parent
HOUSE = Path(derive.__file__).parent

FLOORS = [  # each imports only from those before it
    {"errors", "verdict"}, {"index"}, {"arrays"}, {"rules"}, {"reading"}, {"derivation"}, {"catalogue", "evidence"}, {"formulas"}, {"emit"}, {"verifier"}, {"demo"},
    {"testing", "cli", "commands", "pytest_plugin", "__main__"},
]  # fmt: skip
FLOOR = {name: level for level, names in enumerate(FLOORS) for name in names}
DOOR = "derivation/upstairs.py"  # the one door upwards, which names modules by text

KERNEL_LINES = 1250  # of code in derive/index: without docstrings, comments and blank lines
FILE_LINES = 450

ALLOWED = {"pyproject.toml", "README.md", "LICENSE", "derive", "tests", "reports"}
HEAVY = ("sympy", "numpy", "hypothesis", "matplotlib", "click", "rich", "scipy", "sklearn", "pytest", "torch", "flint")

MODULES = sorted(path for path in HOUSE.rglob("*.py") if path != HOUSE / "__init__.py")
TEST_FILES = sorted(TESTS.rglob("*.py"))


def name(path):
    return str(path.relative_to(HOUSE)) if path.is_relative_to(HOUSE) else str(path.relative_to(TOP))


def floor(path):
    """The floor that a module is on: its folder, or its own name."""
    return path.relative_to(HOUSE).parts[0].removesuffix(".py")


def statements(tree):
    """Every statement that runs, those in functions too; not what is for the type checker only."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            for other in node.orelse:
                yield from statements(other)
            continue
        yield node
        yield from statements(node)


def imports(path):
    """The full names of the modules that a file imports; of ``from a import b`` both a and a.b."""
    package = ("derive", *path.relative_to(HOUSE).parts[:-1]) if path.is_relative_to(HOUSE) else ()
    for node in statements(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = (
                ".".join([*package[: len(package) - node.level + 1], node.module or ""]).strip(".")
                if node.level
                else str(node.module)
            )
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def climbs(path):
    """The imports of a file that lie above its floor."""
    own = FLOOR[floor(path)]
    found = {
        parts[1] for parts in (module.split(".") for module in imports(path)) if parts[0] == "derive" and len(parts) > 1
    }
    return sorted(target for target in found if FLOOR.get(target, -1) > own)


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_every_module_is_on_a_floor(path):
    assert floor(path) in FLOOR


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_floor_imports_from_lower_ones_only(path):
    assert climbs(path) == []


def test_neighbours_on_a_floor_do_not_import_each_other():
    """Catalogue and evidence stand beside each other."""
    beside = {"catalogue": "evidence", "evidence": "catalogue", "errors": "verdict", "verdict": "errors"}
    found = [
        (name(path), other)
        for path in MODULES
        if (other := beside.get(floor(path)))
        for module in imports(path)
        if module == f"derive.{other}" or module.startswith(f"derive.{other}.")
    ]
    assert found == []


def test_modules_named_by_text_go_through_the_one_door():
    """``import_module`` with a name of the house is used by upstairs.py and by the lazy names of the package."""
    users = [
        name(path)
        for path in MODULES
        for node in statements(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).endswith("import_module")
        and "derive" in ast.unparse(node)
    ]
    assert set(users) <= {DOOR}


def test_the_check_of_floors_can_fail(tmp_path, monkeypatch):
    house = tmp_path / "derive"
    (house / "index").mkdir(parents=True)
    for number, text in enumerate(
        [
            "from derive.rules import book",
            "def f():\n    import derive.arrays.array",
            "from .. import emit",
            "from ..rules.book import pull",
            "try:\n    import derive.cli\nexcept ImportError:\n    pass",
        ]
    ):
        (house / "index" / f"m{number}.py").write_text(text)
    (house / "index" / "fine.py").write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import derive.arrays\nimport derive.errors\n"
    )
    monkeypatch.setattr(sys.modules[__name__], "HOUSE", house)
    assert [climbs(house / "index" / f"m{k}.py") for k in range(5)] == [
        ["rules"],
        ["arrays"],
        ["emit"],
        ["rules"],
        ["cli"],
    ]
    assert climbs(house / "index" / "fine.py") == []


def test_the_kernel_imports_the_standard_library_and_itself_only():
    found = {module for path in (HOUSE / "index").glob("*.py") for module in imports(path)}
    strange = {
        m for m in found if m.split(".")[0] not in sys.stdlib_module_names and m.split(".")[:2] != ["derive", "index"]
    }
    assert strange == set()


def test_the_kernel_is_small():
    assert sum(lines_of_code(path) for path in (HOUSE / "index").glob("*.py")) <= KERNEL_LINES


def lines_of_code(path):
    text = path.read_text()
    told = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            told |= set(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    lines = enumerate(text.splitlines(), start=1)
    return len([k for k, line in lines if line.strip() and not line.strip().startswith("#") and k not in told])


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_file_is_read_in_one_sitting(path):
    assert len(path.read_text().splitlines()) <= FILE_LINES


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_every_module_says_what_it_is(path):
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree) or not tree.body


CONTRACT = {"layer", "layers", "check", "claim", "claims", "Layer", "Verdict", "DeriveError"}  # public, now or later


def test_no_module_bears_the_name_of_a_public_object():
    public = {*derive.__all__, *CONTRACT}
    children = {
        path.name.removesuffix(".py")
        for path in HOUSE.iterdir()
        if path.suffix == ".py" or (path.is_dir() and any(path.glob("*.py")))
    }
    assert children & public == set()


def test_public_names_are_there():
    for label in derive.__all__:
        assert getattr(derive, label) is not None
    assert dir(derive) == sorted(derive.__all__)
    with pytest.raises(AttributeError, match="module 'derive' has no attribute 'nothing'"):
        derive.nothing  # noqa: B018  # the access is what is tested


def test_the_top_level_holds_what_it_may():
    ignored = [line.strip().rstrip("/") for line in (TOP / ".gitignore").read_text().splitlines() if line.strip()]
    found = {path.name for path in TOP.iterdir() if not path.name.startswith(".")}
    assert {item for item in found - ALLOWED if not any(fnmatch.fnmatch(item, pattern) for pattern in ignored)} == set()


LIGHT = [
    "derive",
    "derive.errors",
    "derive.verdict",
    "derive.index.normal",
    "derive.derivation.reader",
    "derive.rules.book",
]


@pytest.mark.parametrize("module", LIGHT)
def test_importing_loads_nothing_heavy(module):
    code = f"import sys, {module}\nprint(*sorted({{m.split('.')[0] for m in sys.modules}} & {set(HEAVY)!r}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=HOUSE.parent)
    assert done.stdout.split() == []


def test_evidence_by_numbers_never_uses_the_rules_it_tests():
    """Two independent ways: what tests gradients by numbers imports neither the book nor derivations."""
    book = ("derive.rules", "derive.derivation")
    found = {
        name(path) for path in (HOUSE / "evidence").glob("*.py") for module in imports(path) if module.startswith(book)
    }
    assert found == set()


@pytest.mark.parametrize("path", TEST_FILES, ids=name)
def test_no_test_is_defined_twice(path):
    """The second of two would run, the first never."""
    for scope in [
        tree for tree in ast.walk(ast.parse(path.read_text())) if isinstance(tree, ast.Module | ast.ClassDef)
    ]:
        names = [node.name for node in scope.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
        assert len(names) == len(set(names))


@pytest.mark.parametrize("path", TEST_FILES, ids=name)
def test_no_case_of_a_table_is_written_twice(path):
    """The second of two equal keys would replace the first."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Dict):
            keys = [ast.unparse(key) for key in node.keys if key is not None]
            assert sorted(keys) == sorted(set(keys))


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_modules_can_be_imported(path):
    module = ".".join(("derive", *path.relative_to(HOUSE).with_suffix("").parts)).removesuffix(".__init__")
    if floor(path) not in ("demo", "__main__"):  # an extra; a program
        importlib.import_module(module)
