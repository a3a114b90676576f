"""Visits as a browser makes them, without one: open a tab, load a drawn picture, run every system, leave."""

import json
import os
import re
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import httpx

from benchmarks.page_client import PageClient, function_of
from benchmarks.server import Server, serving
from train.data.synthetic import draw_study

BUSY = (429, 503)
WARM_SECONDS = 600


@dataclass
class Tally:
    """What visits came to: seconds from Run to the last word, polite refusals, and everything else."""

    seconds: list[float] = field(default_factory=list)
    busy: int = 0
    errors: list[str] = field(default_factory=list)

    def count(
        self,
        client: PageClient,
        page: "Page",
        picture: bytes,
        studies: int = 1,
        systems: Sequence[str] | None = None,
    ) -> None:
        """One visit, counted for what it came to; systems: those that report, all by default."""
        try:
            with client.tab() as tab:
                for _ in range(studies):
                    self.seconds.append(page.report(client, tab, picture, systems))
        except httpx.HTTPStatusError as error:
            if error.response.status_code in BUSY:
                self.busy += 1
                time.sleep(1)
            else:
                self.errors.append(f"{error.response.status_code} {error.response.text[:200]}")
        except (httpx.HTTPError, ValueError) as error:
            self.errors.append(f"{type(error).__name__}: {str(error)[:200]}")


class Page:
    """The numbers of the page's functions, read once from its configuration."""

    def __init__(self, config: dict[str, Any]) -> None:
        named = {each["api_name"]: int(each["id"]) for each in config["dependencies"]}
        self.load, self.assess = named["load_files"], named["assess"]
        self.run = function_of(config, "run", "click")
        props = next(one["props"] for one in config["components"] if one["props"].get("elem_id") == "systems")
        self.systems = [name for _, name in props["choices"]]

    def report(
        self, client: PageClient, tab: str, picture: bytes, systems: Sequence[str] | None = None
    ) -> float:
        """Load a picture and have its reports written; the seconds of the run. ValueError for a failure."""
        _done(client.call(tab, self.load, [[client.upload(picture, "picture.png")]]))
        _done(client.call(tab, self.assess, []))
        started = time.perf_counter()
        messages = _done(client.call(tab, self.run, [list(systems or self.systems), ""]))
        phases = set(re.findall(r'data-phase=\\?"(\w+)', json.dumps(messages)))
        if "done" not in phases or "failed" in phases:
            said = re.findall(r"rd-problem[^>]*>([^<]+)", json.dumps(messages)) or ["no report at all"]
            raise ValueError(f"not every report was written: {said[-1]}")
        return time.perf_counter() - started


def _done(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if not messages or not messages[-1].get("success"):
        raise ValueError(json.dumps(messages)[-200:])
    return messages


@contextmanager
def watched() -> Iterator[tuple[Server, Path]]:
    """The app on 127.0.0.1 alone, its models loaded, and the folder that holds its temporary files."""
    with tempfile.TemporaryDirectory() as folder:
        before = os.environ.get("TMPDIR")
        os.environ["TMPDIR"] = folder
        try:
            with serving() as server:
                yield server, Path(folder)
        finally:
            os.environ.pop("TMPDIR")
            if before is not None:
                os.environ["TMPDIR"] = before


def pictures(count: int) -> list[bytes]:
    """Drawn frontal films as PNG, all different."""
    return [cv2.imencode(".png", draw_study(seed).frontal)[1].tobytes() for seed in range(count)]


def left_over(folder: Path) -> list[str]:
    """Files with content that the app has left; the empty ones that Gradio makes go within minutes."""
    files = [each for each in folder.rglob("*") if each.is_file()]
    return [str(each.relative_to(folder)) for each in files if each.stat().st_size]


def growth(samples: list[tuple[float, float]]) -> float:
    """Slope of (place, MiB) over the second half: what is not warm-up; 0 where there are too few."""
    half = samples[len(samples) // 2 :]
    if len(half) < 3:
        return 0.0
    places, sizes = zip(*half, strict=True)
    middle, mean = sum(places) / len(half), sum(sizes) / len(half)
    spread = sum((place - middle) ** 2 for place in places)
    return sum((place - middle) * (size - mean) for place, size in half) / spread if spread else 0.0
