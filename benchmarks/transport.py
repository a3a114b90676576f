"""Entropic transport: the batched log-domain solve that ships against a loop of `ot.sinkhorn` calls.

    python -m benchmarks.transport

49 patches x 14 labels, 16 studies (OTDRG's sizes), and four times as many of each in turn. Equal to 1e-6
before the clock starts: the plans, and the gradients of the distance by the cost. MiB: how much more the
process holds at its peak than before, each rival in a process of its own (Linux).
"""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.timing import machine, medians, parser, show
from radui.nn.transport import TransportConfig, transport

CONFIG = TransportConfig(epsilon=0.10, iterations=50)
SIZES = ((49, 14, 16), (196, 14, 16), (49, 56, 16), (49, 14, 64), (196, 56, 64))
TOLERANCE = 1e-6


@dataclass(frozen=True)
class Solved:
    """plan (B, M, N), distance (B,), and the gradient of the summed distances (B, M, N) or None."""

    plan: Tensor
    distance: Tensor
    gradient: Tensor | None


def costs(patches: int, labels: int, studies: int) -> Tensor:
    """Distances of random unit vectors."""
    torch.manual_seed(0)
    x, y = (torch.nn.functional.normalize(torch.randn(studies, n, 64), dim=-1) for n in (patches, labels))
    return torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist")


def ours(cost: Tensor, backward: bool) -> Solved:
    """As OTDRG solves it."""
    cost = cost.clone().requires_grad_(backward)
    found = transport(cost, torch.ones(cost.shape[:2], dtype=torch.bool), CONFIG)
    if backward:
        found.distance.sum().backward()
    return Solved(found.plan.detach(), found.distance.detach(), cost.grad)


def loop(cost: Tensor, backward: bool) -> Solved:
    """A call of POT's log-domain solver a study; backward runs through all of its iterations."""
    import ot

    cost = cost.double().requires_grad_(backward)
    rows, columns = (torch.full((n,), 1 / n, dtype=torch.float64) for n in cost.shape[1:])
    plans = [_one(ot, rows, columns, each) for each in cost]
    values = [
        (plan * each).sum() + CONFIG.epsilon * (plan * plan.log()).sum()
        for plan, each in zip(plans, cost, strict=True)
    ]
    distance = torch.stack(values)
    if backward:
        distance.sum().backward()
    return Solved(torch.stack(plans).detach(), distance.detach(), cost.grad)


def _one(ot: object, rows: Tensor, columns: Tensor, cost: Tensor) -> Tensor:
    return ot.sinkhorn(  # type: ignore[attr-defined, no-any-return]
        rows,
        columns,
        cost,
        CONFIG.epsilon,
        method="sinkhorn_log",
        numItermax=CONFIG.iterations,
        stopThr=0,
        warn=False,
    )


RIVALS: dict[str, Callable[[Tensor, bool], Solved]] = {"ours": ours, "loop": loop}


def difference(cost: Tensor) -> float:
    """The largest difference of plans, distances and gradients."""
    mine, theirs = ours(cost, True), loop(cost, True)
    assert mine.gradient is not None
    assert theirs.gradient is not None
    pairs = (
        (mine.plan, theirs.plan),
        (mine.distance, theirs.distance),
        (mine.gradient, theirs.gradient),
    )
    return max(float((one.double() - other.double()).abs().max()) for one, other in pairs)


def peak(rival: str, size: tuple[int, int, int], backward: bool) -> float:
    """MiB that a rival needs beyond what it starts with, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.transport", "--peak", json.dumps([rival, size, backward])]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _print_peak(rival: str, size: list[int], backward: bool) -> None:
    RIVALS[rival](costs(4, 3, 2), backward)  # imports are no part of it
    cost = costs(*size)
    Path("/proc/self/clear_refs").write_text("5")  # Linux: the peak counts from here
    before = _status("VmRSS")
    RIVALS[rival](cost, backward)
    print(_status("VmHWM") - before)


def _status(name: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1]) / 1024


def main() -> None:
    """Print the table."""
    arguments = parser(__doc__)
    arguments.add_argument(
        "--sizes", type=int, default=len(SIZES), help="how many of the sizes (%(default)s)"
    )
    arguments.add_argument("--peak", type=json.loads, help="print the peak of one rival (used by itself)")
    options = arguments.parse_args()
    if options.peak:
        _print_peak(*options.peak)
        return
    print(machine())
    rows, ratios = [], {}
    for size in SIZES[: options.sizes]:
        cost = costs(*size)
        worst = difference(cost)
        assert worst < TOLERANCE, f"they differ by {worst}"
        for backward in (False, True):
            what = "forward and backward" if backward else "forward"
            seconds = medians(
                {name: _bind(run, cost, backward) for name, run in RIVALS.items()}, options.rounds
            )
            ratio = seconds["loop"] / seconds["ours"]
            memory = [f"{peak(name, size, backward):.0f}" for name in ("loop", "ours")]
            times = [f"{1e3 * seconds[name]:.1f}" for name in ("loop", "ours")]
            label = f"{size[0]} x {size[1]}, batch {size[2]}"
            rows.append([label, what, *times, f"{ratio:.1f}", *memory, f"{worst:.0e}"])
            ratios[f"{label}, {what}"] = ratio
    header = ["size", "pass", "loop ms", "our ms", "ratio", "loop MiB", "our MiB", "largest difference"]
    show(options, header, rows, ratios)


def _bind(run: Callable[[Tensor, bool], Solved], cost: Tensor, backward: bool) -> Callable[[], Solved]:
    return lambda: run(cost, backward)


if __name__ == "__main__":
    main()
