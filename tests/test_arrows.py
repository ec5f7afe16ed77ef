"""Who may import whom (DESIGN, "The house"), and that `identity` stays pure."""

import ast
import builtins
from pathlib import Path
from textwrap import dedent

import pytest

ROOT = Path(__file__).parents[1]

# Package -> the packages of this project that it may import besides itself.
LAYERS = {layer: {"identity", "schemas"} for layer in ("speed_layer", "batch_layer", "serving_layer")}
ARROWS = {"identity": set(), "schemas": {"identity"}, **LAYERS}
ARROWS |= {"deploy": {*ARROWS, "benchmarks"}, "benchmarks": {*ARROWS, "deploy"}}

# All that `identity` needs: no clock, randomness, network, process, or file but the rule file. A list of
# what is allowed, so that whatever is new has to be argued for here.
PURE = {
    *(
        "base64",
        "calendar",
        "collections",
        "dataclasses",
        "decimal",
        "difflib",
        "enum",
        "functools",
        "hashlib",
        "heapq",
        "hmac",
    ),
    *("itertools", "json", "operator", "re", "types", "typing", "unicodedata"),
    *("email_validator", "jellyfish", "phonenumbers"),
}
RULE_FILE = {"pathlib", "yaml"}
DYNAMIC = "importlib.import_module"
EFFECTS = {"open", "input", "print", "breakpoint"}


def imports(tree):
    """Pairs of a line and what it imports, by its full name; `.` stands for a relative name."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from ((node.lineno, alias.name) for alias in names)
            case ast.ImportFrom(level=0, module=module, names=names):
                yield from ((node.lineno, f"{module}.{alias.name}") for alias in names)
            case ast.ImportFrom():
                yield node.lineno, "."
            case ast.Name(id="__import__") | ast.Attribute(attr="import_module"):
                yield node.lineno, DYNAMIC


def broken_arrows(root, arrows):
    """A sentence for each import that no arrow allows, or that hides what it imports."""
    for package, allowed in arrows.items():
        for file in sorted((root / package).rglob("*.py")):
            for line, name in imports(ast.parse(file.read_bytes())):
                top = name.split(".")[0]
                hidden = name == "." or (name == DYNAMIC and package != "deploy")
                if hidden or (top in arrows and top not in {package, *allowed}):
                    yield f"{file.relative_to(root)}:{line}: {package} imports {name}"


def effects(folder, allowed):
    """A sentence for each import that is not allowed, and each use of a built-in that does I/O."""
    for file in sorted(folder.rglob("*.py")):
        tree = ast.parse(file.read_bytes())
        extra = RULE_FILE if file.name == "rulefile.py" else set()
        for line, name in imports(tree):
            if name.split(".")[0] not in allowed | extra:
                yield f"{file.name}:{line}: imports {name}"
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and node.id in EFFECTS:
                yield f"{file.name}:{node.lineno}: uses {node.id}"


def test_no_import_goes_against_the_arrows():
    assert list(broken_arrows(ROOT, ARROWS)) == []


def test_identity_does_no_io_and_has_no_clock():
    assert list(effects(ROOT / "identity", PURE | {"identity"})) == []


def test_every_package_has_its_arrows():
    packages = {init.parent.name for init in ROOT.glob("*/__init__.py")}
    assert packages - {"tests"} == set(ARROWS)
    assert all(list((ROOT / package).rglob("*.py")) for package in ARROWS)


def test_effects_are_builtins():
    assert all(hasattr(builtins, name) for name in EFFECTS)


@pytest.fixture
def house(tmp_path):
    """Writes a made-up source tree that keeps to the arrows, but for one file."""

    def build(path, text):
        for package in ARROWS:
            (tmp_path / package).mkdir()
            (tmp_path / package / "__init__.py").write_text('"""Nothing."""\n')
        (tmp_path / "deploy" / "cli.py").write_text("import speed_layer, batch_layer, identity\n")
        file = tmp_path / path
        file.parent.mkdir(exist_ok=True)
        file.write_text(dedent(text))
        return tmp_path

    return build


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("identity/a.py", "import schemas"),
        ("identity/a.py", "from schemas.topics import WEB"),
        ("schemas/a.py", "from speed_layer import log"),
        ("speed_layer/a.py", "import batch_layer.run as r"),
        ("batch_layer/deep/a.py", "def f():\n    from serving_layer import view"),
        ("serving_layer/a.py", "import json, speed_layer"),
        ("serving_layer/a.py", "from deploy.settings import Settings"),
        ("speed_layer/a.py", "if True:\n    import benchmarks"),
        ("speed_layer/a.py", "from ..batch_layer import run"),
        ("speed_layer/a.py", "from importlib import import_module"),
        ("speed_layer/a.py", "import importlib as i\ni.import_module('batch_layer')"),
        ("speed_layer/a.py", "__import__('batch_layer')"),
    ],
)
def test_the_checker_finds_a_broken_arrow(house, path, text):
    root = house(path, text)
    problems = list(broken_arrows(root, ARROWS))
    assert len(problems) == 1
    assert problems[0].startswith(path)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("identity/a.py", "import json\nfrom identity.facts import Facts"),
        ("schemas/a.py", "from identity import Facts"),
        ("serving_layer/a.py", "import redis\nimport schemas.topics, identity"),
        ("benchmarks/a.py", "from batch_layer import run\nfrom deploy import cli"),
        ("deploy/a.py", "from importlib import import_module\nimport benchmarks.report"),
        ("schemas/a.py", "from importlib.resources import files"),
    ],
)
def test_the_checker_lets_pass_what_the_arrows_allow(house, path, text):
    assert list(broken_arrows(house(path, text), ARROWS)) == []


@pytest.mark.parametrize(
    "text",
    [
        "import socket",
        "from redis import Redis",
        "def f():\n    from time import monotonic",
        "import datetime",
        "import random",
        "import os.path",
        "from pathlib import Path",
        "open('x')",
        "import importlib",
    ],
)
def test_the_checker_finds_an_effect(house, text):
    root = house("identity/a.py", text)
    assert len(list(effects(root / "identity", PURE | {"identity"}))) == 1


def test_only_the_rule_file_may_be_read(house):
    root = house("identity/rulefile.py", "from pathlib import Path\nimport yaml")
    assert list(effects(root / "identity", PURE | {"identity"})) == []
