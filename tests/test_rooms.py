"""The rooms of the library: which may import which, that arrows go one way, and who knows the command line."""

import ast
import re

import pytest
import tiny

LIBRARY = tiny.ROOT / "knowledge_boundary"
ROOMS = sorted(p.parent.relative_to(LIBRARY).as_posix().replace("/", ".") for p in LIBRARY.glob("**/*/__init__.py"))
FILES = sorted(p for p in LIBRARY.rglob("*.py"))
LONGEST = 350  # lines of a file


def room_of(path) -> str:
    """A file's room: its package, "" for what stands above the rooms."""
    return ".".join(path.parent.relative_to(LIBRARY).parts)


def allowed(room) -> set:
    """The rooms that a room's docstring says it imports; with it those inside the same top room."""
    docstring = ast.get_docstring(ast.parse((LIBRARY / room.replace(".", "/") / "__init__.py").read_text()))
    (line,) = re.findall(r"^Imports: (.+)\.$", docstring, re.MULTILINE)
    return set() if line == "no other room" else set(line.split(", "))


def imports(text, package):
    """The dotted names under knowledge_boundary that a module of ``package`` imports: "" is the library itself."""
    here = ["knowledge_boundary", *filter(None, package.split("."))]
    for node in ast.walk(ast.parse(text)):
        names = []
        if isinstance(node, ast.ImportFrom):
            start = here[: len(here) - node.level + 1] if node.level else []
            module = ".".join([*start, *([node.module] if node.module else [])])
            names = [f"{module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        yield from (n.removeprefix("knowledge_boundary.") for n in names if n.startswith("knowledge_boundary."))


def target(name) -> str:
    """The room that a dotted name lies in; "" for what stands above the rooms."""
    return max((room for room in ROOMS if f"{name}.".startswith(f"{room}.")), key=len, default="")


def imported(room) -> set:
    """The dotted names that a room's files import."""
    own = [p for p in FILES if room_of(p) == room]
    return {name for path in own for name in imports(path.read_text(encoding="utf-8"), room)}


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_what_its_docstring_says(room):
    names = imported(room) - {"__version__"}
    above = {name for name in names if not target(name)}
    assert not above, f"{room} imports from above the rooms: {above}"
    assert {target(name) for name in names} - {room} == allowed(room)


def test_every_way_to_import_is_seen():
    text = (
        "from ..running import ranks\nfrom ..training.lmflow.files import X\nimport knowledge_boundary.models.loading\n"
    )
    text += "def f():\n    from .phrases import REFUSAL\n    from .. import cli\n"
    assert [target(n) for n in imports(text, "wording")] == ["running", "training.lmflow", "models", "wording", ""]


def test_arrows_go_one_way():
    below, done = {room: allowed(room) for room in ROOMS}, set()
    while below:
        free = [room for room, needs in below.items() if needs <= done]
        assert free, f"a circle among {sorted(below)}"
        done |= set(free)
        below = {room: needs for room, needs in below.items() if room not in done}


@pytest.mark.parametrize("room", [room for room in ROOMS if "." not in room])
def test_tests_mirror_the_rooms(room):
    assert list((tiny.ROOT / "tests" / room).glob("test_*.py")) or room == "wording"


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(LIBRARY).as_posix())
def test_no_file_is_too_long(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST


@pytest.mark.parametrize("path", [p for p in FILES if room_of(p)], ids=lambda p: p.relative_to(LIBRARY).as_posix())
def test_nothing_in_a_room_takes_the_command_line(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    callbacks = ("on_save", "on_log")  # of transformers, which names its own TrainingArguments so
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name not in callbacks:
            taken = [a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
            assert "args" not in taken, f"{path} line {node.lineno}: {node.name} takes args"
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [getattr(node, "module", None), *(alias.name for alias in node.names)]
            assert not {"argparse", "Namespace"} & set(names), f"{path} line {node.lineno}: knows argparse"
