"""Where the milliseconds of a decoding step go, and how far they are from what the machine could do.

    python -m benchmarks.floor

The floor of a step is the larger of two times: the bytes that it has to read (weights once, the keys and
values of every study) over the measured memory bandwidth, and its multiplications over the measured rate
of a large product of matrices. What is above it is attention over small tables, the choice of beams, and
the calls themselves. `--profile` lists the operators by their own time.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn

from benchmarks.decoding import BEAMS, LENGTH, Setting, ours, setting
from benchmarks.timing import machine, medians, parser, show
from radui.models.registry import from_json, read_config
from radui.models.xpronet import XProNet, XProNetConfig

# What a step multiplies with; the encoder and the backbone have done their work before.
STEP_PARTS = ("decoder.", "output.", "fuse_text.", "prototypes.")
ONCE = ("cross.key_value", "prototypes.matrix", "prototypes.key", "prototypes.value")


@dataclass(frozen=True)
class Machine:
    """Bytes a second that are read, and float32 operations a second of a large product."""

    bandwidth: float
    rate: float


def fastest(run: Callable[[], object], turns: int = 7) -> float:
    """Seconds of the best turn: a floor is what the machine can do, not what it did."""
    seconds = []
    for _ in range(turns):
        started = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def measure_machine() -> Machine:
    """Read 256 MiB; multiply 1,024 x 1,024."""
    large, square = torch.ones(64 * 2**20), torch.ones(1024, 1024)
    bandwidth = 4 * large.numel() / fastest(large.sum)
    return Machine(bandwidth, 2 * 1024**3 / fastest(lambda: square @ square))


def step_weights(model: nn.Module) -> int:
    """Numbers of the weights that each step reads."""
    return sum(
        parameter.numel()
        for name, parameter in model.named_parameters()
        if name.startswith(STEP_PARTS) and not any(part in name for part in ONCE)
    )


def step_bytes(case: Setting) -> float:
    """Bytes of a mean step: weights, the memory's keys and values, half of the words', the prototypes'."""
    model, memory = case.model, case.memory.states
    studies, places, width = memory.shape
    layers = len(model.decoder.layers)
    words = LENGTH / 2 * BEAMS
    numbers = step_weights(model) + 2 * layers * studies * (places + words) * width
    if case.memory.visible is not None:
        numbers += 2 * case.memory.visible.shape[1] * width
    return 4.0 * numbers


def step_operations(case: Setting) -> float:
    """Multiplications and additions of a mean step: each row with each weight, and attention."""
    studies, places, width = case.memory.states.shape
    rows = studies * BEAMS
    seen = places + LENGTH / 2 * BEAMS
    tables = 4 * rows * width * len(case.model.decoder.layers) * seen
    if case.memory.visible is not None:
        tables += 4 * rows * width * case.memory.visible.shape[1]
    return 2 * rows * step_weights(case.model) + tables


def profile(case: Setting, lines: int) -> str:
    """The operators of a search by their own time."""
    from torch.profiler import ProfilerActivity, profile

    ours(case)
    with profile(activities=[ProfilerActivity.CPU]) as found:
        ours(case)
    return str(
        found.key_averages().table(sort_by="self_cpu_time_total", row_limit=lines, max_name_column_width=40)
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table; `argv` for tests."""
    arguments = parser(__doc__)
    arguments.add_argument(
        "--checkpoint", type=Path, default=Path("checkpoints/xpronet"), help="of what sizes"
    )
    arguments.add_argument("--studies", type=int, nargs="+", default=[1, 16])
    arguments.add_argument("--profile", type=int, default=0, metavar="LINES", help="list so many operators")
    options = arguments.parse_args(argv)
    config = replace(from_json(XProNetConfig, read_config(options.checkpoint)["config"]), guidance=0.0)
    print(machine())
    able = measure_machine()
    print(f"{able.bandwidth / 1e9:.1f} GB/s read, {able.rate / 1e9:.0f} GFLOP/s in float32")
    rows, ratios = [], {}
    for studies in options.studies:
        case = setting(config, studies, prototypes=True)
        assert isinstance(case.model, XProNet)
        step = medians({"step": lambda case=case: ours(case)}, options.rounds)["step"] / LENGTH  # type: ignore[misc]
        reading, multiplying = step_bytes(case) / able.bandwidth, step_operations(case) / able.rate
        floor = max(reading, multiplying)
        times = [f"{1e3 * value:.2f}" for value in (reading, multiplying, step)]
        rows.append([str(studies), f"{step_bytes(case) / 2**20:.1f}", *times, f"{step / floor:.1f}"])
        ratios[f"floor / step, {studies}"] = floor / step
        if options.profile:
            print(profile(case, options.profile))
    header = ["studies", "MiB read a step", "reading ms", "multiplying ms", "step ms", "step / floor"]
    show(options, header, rows, ratios)


if __name__ == "__main__":
    main()
