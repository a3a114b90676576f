"""The audit sees what it should: missing, unaccepted and changed distributions."""

import shutil
from importlib.metadata import Distribution, PathDistribution, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.audit import ROOT, changed_files, closure, licence, requirements


@pytest.fixture
def copied(tmp_path) -> tuple[Distribution, Path]:
    """A small installed distribution, copied to where its files may be changed."""
    installed = distribution("iniconfig")
    for file in installed.files or []:
        source, target = Path(str(file.locate())), tmp_path / str(file)
        if source.is_file() and ".." not in str(file):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    (folder,) = tmp_path.glob("iniconfig-*.dist-info")
    return PathDistribution(folder), tmp_path


def test_everything_that_the_app_needs_is_installed_and_accepted():
    found, faults = closure(requirements(ROOT / "requirements.txt"))
    assert faults == []
    assert {"gradio", "torch", "pydicom", "numpy", "pillow", "starlette"} <= found.keys()


def test_missing_and_unaccepted_versions_are_named():
    _, faults = closure([Requirement("no-such-thing-as-this"), Requirement("numpy<1")])
    assert len(faults) == 2
    assert "numpy<1" in faults[0]
    assert faults[1] == "no-such-thing-as-this is missing; requirements.txt needs it"


def test_a_changed_or_lost_file_is_named(copied):
    installed, folder = copied
    assert changed_files(installed) == []
    (folder / "iniconfig" / "__init__.py").write_text("import os")
    (folder / "iniconfig" / "exceptions.py").unlink()
    assert changed_files(installed) == ["iniconfig/__init__.py", "iniconfig/exceptions.py"]


def test_a_licence_is_told_in_a_line():
    assert "MIT" in licence(distribution("iniconfig"))
    assert "\n" not in licence(distribution("numpy"))
