"""The house rules that imports can break: data flows one way, and a room holds what its name says."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LINES = 400

# What each stage of radui may import of radui, itself apart.
RECORDS = {"observations", "records"}
MAY_IMPORT = {
    "observations": set(),
    "records": {"observations"},
    "processing": RECORDS,
    "nn": RECORDS,
    "models": RECORDS | {"processing", "nn"},
    "explain": RECORDS | {"processing"},
    "scores": RECORDS | {"processing"},
    "render": RECORDS | {"processing", "explain", "scores", "store", "statistics"},
    "systems": RECORDS | {"processing", "nn", "models", "explain"},
    "batching": set(),
    "engine": RECORDS | {"processing", "nn", "models", "explain", "systems", "batching"},
    "store": {"records"},
    "statistics": {"store"},
    "reading_study": RECORDS | {"processing", "render", "engine", "store"},
    "commands": RECORDS | {"processing", "render", "engine", "store", "statistics", "reading_study"},
    "__main__": {"commands"},
    "ui": RECORDS
    | {
        "processing",
        "explain",
        "scores",
        "render",
        "batching",
        "engine",
        "store",
        "statistics",
        "reading_study",
    },
}
# Slow to import; a page that opens in seconds, and a reader of files, can do without.
HEAVY = {"torch", "transformers", "accelerate", "safetensors", "sklearn", "matplotlib", "gradio"}
LIGHT = {
    "batching",
    "observations",
    "records",
    "processing",
    "explain",
    "render",
    "engine",
    "store",
    "commands",
}
PICKLES = {"pickle", "dill", "joblib", "cloudpickle"}


def modules(*folders):
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def parse(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(path, top_only=False):
    """Absolute dotted names of all that a module imports, each with the names taken out of it."""
    found = set()
    for node in parse(path).body if top_only else ast.walk(parse(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = source(node, path)
            found |= {base} | {f"{base}.{alias.name}" for alias in node.names}
    return found


def source(node, path):
    """What stands after `from`, leading dots resolved."""
    if not node.level:
        return node.module
    package = path.relative_to(ROOT).with_suffix("").parts[: -node.level]
    return ".".join([*package, *filter(None, [node.module])])


def libraries(path, top_only=False):
    return {name.partition(".")[0] for name in imported(path, top_only)}


def stage(name):
    """The stage of radui that a dotted name belongs to, or None."""
    parts = name.split(".")
    return parts[1] if parts[0] == "radui" and len(parts) > 1 and parts[1] in MAY_IMPORT else None


def stage_of(path):
    return stage(".".join(path.relative_to(ROOT).with_suffix("").parts))


def broken(paths, fault):
    """Each path with its fault, where it has one."""
    return {path.relative_to(ROOT).as_posix(): found for path in paths if (found := fault(path))}


def steps_back(path):
    own = stage_of(path)
    return {stage(name) for name in imported(path)} - MAY_IMPORT.get(own, set(MAY_IMPORT)) - {own, None}


def unsafe_loading(path):
    """Pickles, foreign code, and torch.load other than of weights in the one place that reads a wheel."""
    found = libraries(path) & PICKLES
    for call in (node for node in ast.walk(parse(path)) if isinstance(node, ast.Call)):
        options = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
        found |= options.keys() & {"trust_remote_code", "allow_pickle"}
        if ast.unparse(call.func) == "torch.load" and not (
            path == ROOT / "train" / "imagenet.py" and options.get("weights_only") == "True"
        ):
            found.add("torch.load")
    return found


def test_the_modules_are_found():
    assert len(modules("radui")) > 30
    assert {stage_of(path) for path in modules("radui")} >= MAY_IMPORT.keys()


def test_each_room_of_radui_has_a_rule():
    rooms = {path.relative_to(ROOT / "radui").parts[0].removesuffix(".py") for path in modules("radui")}
    assert rooms - {"__init__"} <= MAY_IMPORT.keys()


def test_a_stage_imports_only_those_before_it():
    assert broken(modules("radui"), steps_back) == {}


def test_radui_never_imports_train():
    own = [*modules("radui"), ROOT / "app.py"]
    assert broken(own, lambda path: libraries(path) & {"train", "tests"}) == {}


def test_train_never_imports_the_page():
    assert broken(modules("train"), lambda path: {"ui", "store"} & {stage(n) for n in imported(path)}) == {}


def test_gradio_stays_under_ui():
    others = [path for path in modules("radui", "train") if stage_of(path) != "ui"]
    assert broken(others, lambda path: libraries(path) & {"gradio"}) == {}


def test_light_stages_import_nothing_heavy_at_the_top():
    light = [path for path in modules("radui") if stage_of(path) in LIGHT]
    assert broken(light, lambda path: libraries(path, top_only=True) & HEAVY) == {}


def test_the_engine_opens_without_torch():
    """The page is built before any model is needed."""
    code = "import sys, radui.engine; sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_no_pickles_and_no_foreign_code():
    assert broken([*modules("radui", "train"), ROOT / "app.py"], unsafe_loading) == {}


def test_no_module_is_too_long():
    def length(path):
        lines = len(path.read_text(encoding="utf-8").splitlines())
        return lines if lines > LINES else 0

    assert broken(modules("radui", "train"), length) == {}
    assert len((ROOT / "app.py").read_text(encoding="utf-8").splitlines()) < 40


class TestTheseChecks:
    """The checks themselves see what they should."""

    @pytest.fixture
    def module(self, tmp_path, monkeypatch):
        monkeypatch.setitem(globals(), "ROOT", tmp_path)
        path = tmp_path / "radui" / "explain" / "maps.py"
        path.parent.mkdir(parents=True)
        return path

    def test_relative_and_inner_imports_are_seen(self, module):
        module.write_text(
            "from ..models import xpronet\n\ndef f():\n    import gradio\n    from . import x\n"
        )
        assert {"radui.models", "radui.models.xpronet", "gradio", "radui.explain.x"} <= imported(module)
        assert "gradio" not in imported(module, top_only=True)

    @pytest.mark.parametrize("line", ["from radui.models.registry import load", "from radui import engine"])
    def test_a_step_back_is_seen(self, module, line):
        module.write_text(line + "\n")
        assert steps_back(module) in ({"models"}, {"engine"})

    @pytest.mark.parametrize(
        "line", ["import pickle", "torch.load('w.pt', weights_only=True)", "f(trust_remote_code=False)"]
    )
    def test_unsafe_loading_is_seen(self, module, line):
        module.write_text(line + "\n")
        assert unsafe_loading(module)
