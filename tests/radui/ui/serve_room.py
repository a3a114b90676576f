"""The reading room as a program of its own, with an engine without models: a test can kill it.

python tests/radui/ui/serve_room.py, then the options of app.py
"""

import importlib.util
from pathlib import Path

import radui.engine
from radui.ui.launch import main


def fake_engine(checkpoints, *_):
    """The engine of `fake_engine.py`, all systems but one writing."""
    spec = importlib.util.spec_from_file_location("fake_engine", Path(__file__).with_name("fake_engine.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    engine = module.FakeEngine(failing=())
    engine.checkpoints = checkpoints
    return engine


if __name__ == "__main__":
    radui.engine.Engine = fake_engine
    main()
