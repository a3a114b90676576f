"""Beam search, 3 beams, 60 words: ours against the same network without a cache, and transformers.

    python -m benchmarks.decoding

The network has the shipped XProNet's sizes and random weights whose end mark is out of reach, so that
every report has 60 words. Before anything is timed the tokens are compared: they must be the same.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.rivals import UncachedStepper, pegasus
from benchmarks.timing import machine, medians, parser, show
from radui.models.registry import from_json, read_config
from radui.models.xpronet import Memory, XProNet, XProNetConfig
from radui.nn.decoding import BeamConfig, BeamSearch

LENGTH, BEAMS = 60, 3


@dataclass(frozen=True)
class Setting:
    """A network, a memory of some studies, and how it is searched."""

    model: XProNet
    memory: Memory
    search: BeamConfig


def setting(config: XProNetConfig, studies: int, prototypes: bool) -> Setting:
    """Random weights and random patch features; the words differ from study to study.

    Phrases may repeat, as the rivals let them.
    """
    torch.manual_seed(0)
    decoding = replace(config.decoding, no_repeat=0)
    config = replace(config, use_prototypes=prototypes, decoding=decoding)
    model = XProNet(config).eval().requires_grad_(False)
    model.output.weight *= 4
    model.output.bias[0] = -1e4
    grids = torch.randn(studies, 2, model.backbone.channels, 7, 7)
    labels = torch.zeros(studies, 14, dtype=torch.bool)
    labels[:, 13] = True
    with torch.inference_mode():
        memory = model.encode(grids, torch.ones(studies, 2, dtype=torch.bool), labels)
    return Setting(model, memory, BeamConfig(BEAMS, LENGTH))


def ours(case: Setting) -> list[list[int]]:
    """As the app decodes."""
    stepper = case.model.stepper(case.memory, BEAMS)
    return _search(case, stepper)


def uncached(case: Setting) -> list[list[int]]:
    """The prefix again at each word."""
    return _search(case, UncachedStepper(case.model, case.memory, BEAMS))


def _search(case: Setting, stepper: object) -> list[list[int]]:
    search = BeamSearch(stepper, len(case.memory.states), case.search, torch.device("cpu"))  # type: ignore[arg-type]
    return [hypothesis.tokens for hypothesis in search.run()]


def transformers(case: Setting) -> Callable[[], list[list[int]]]:
    """`generate` on the equal network; built outside of the timing."""
    from transformers.modeling_outputs import BaseModelOutput

    rival = pegasus(case.model)
    search = {"num_beams": BEAMS, "max_new_tokens": LENGTH, "length_penalty": 0.0, "do_sample": False}

    def run() -> list[list[int]]:
        states = BaseModelOutput(last_hidden_state=case.memory.states)
        with torch.inference_mode():
            mask = case.memory.mask.long()
            found: Tensor = rival.generate(encoder_outputs=states, attention_mask=mask, **search)
        return [row[1 : LENGTH + 1] for row in found.tolist()]

    return run


def compare(config: XProNetConfig, studies: int, rounds: int) -> list[tuple[str, float, float]]:
    """(rival, its seconds, our seconds) for one batch size; AssertionError where the tokens differ."""
    full, plain = setting(config, studies, True), setting(config, studies, False)
    generate = transformers(plain)
    assert ours(full) == uncached(full), "cached and uncached decoding differ"
    assert ours(plain) == generate(), "ours and transformers differ"
    seconds = medians(
        {
            "ours": lambda: ours(full),
            "no cache": lambda: uncached(full),
            "ours, no prototypes": lambda: ours(plain),
            "transformers, no prototypes": generate,
        },
        rounds,
    )
    pairs = (("no cache", "ours"), ("transformers, no prototypes", "ours, no prototypes"))
    return [(rival, seconds[rival], seconds[mine]) for rival, mine in pairs]


def half(config: XProNetConfig, studies: int, rounds: int) -> str:
    """Ours in bf16 beside ours: how much faster, and how many reports keep their words."""
    case = setting(config, studies, True)

    def run() -> list[list[int]]:
        with torch.autocast("cpu", torch.bfloat16):
            return ours(case)

    same = sum(one == other for one, other in zip(ours(case), run(), strict=True))
    seconds = medians({"float32": lambda: ours(case), "bf16": run}, rounds)
    ratio = seconds["float32"] / seconds["bf16"]
    return f"bf16, {studies} studies: {ratio:.2f} times as fast, {same} reports word for word the same"


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table; `argv` for tests."""
    arguments = parser(__doc__)
    arguments.add_argument(
        "--checkpoint", type=Path, default=Path("checkpoints/xpronet"), help="of what sizes"
    )
    arguments.add_argument("--studies", type=int, nargs="+", default=[1, 16], help="batch sizes")
    arguments.add_argument(
        "--half", action="store_true", help="ours in bf16 as well, and how many reports stay"
    )
    options = arguments.parse_args(argv)
    # The rivals have no guidance, which reads each study twice.
    config = replace(from_json(XProNetConfig, read_config(options.checkpoint)["config"]), guidance=0.0)
    print(machine())
    rows, ratios = [], {}
    for studies in options.studies:
        for rival, theirs, mine in compare(config, studies, options.rounds):
            rows.append(
                [str(studies), rival, f"{1e3 * theirs:.0f}", f"{1e3 * mine:.0f}", f"{theirs / mine:.1f}"]
            )
            ratios[f"{rival}, {studies}"] = theirs / mine
        if options.half:
            print(half(config, studies, options.rounds))
    show(options, ["studies", "against", "its ms", "our ms", "ratio"], rows, ratios)


if __name__ == "__main__":
    main()
