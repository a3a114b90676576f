"""Choose a checkpoint's decoding on val by the score that chose its epoch: length penalty, guidance, repeats.

    python -m train.decoding_choice --checkpoint checkpoints/xpronet --data DATA --write

Prints a row a setting; --write puts the best one and its score into config.json.
"""

import argparse
import dataclasses
import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from radui.models.registry import load, read_config
from train.data.iu_xray import read_iu_xray
from train.data.study import StudyRow
from train.generate import Encoded, decode_reports, encoded_studies, read_words
from train.metrics.protocol import protocol_references
from train.selection import selection_scores

SHOWN = ("score", "BLEU-4", "CIDEr", "CE-14 macro F1", "distinct")


@dataclass(frozen=True)
class Setting:
    """What is chosen: two of `BeamConfig`'s fields and the model's `guidance`."""

    length_penalty: float
    guidance: float
    no_repeat: int

    def apply(self, config: Any) -> Any:
        """A model's configuration with this setting."""
        decoding = dataclasses.replace(
            config.decoding, length_penalty=self.length_penalty, no_repeat=self.no_repeat
        )
        return dataclasses.replace(config, decoding=decoding, guidance=self.guidance)


def score_settings(
    model: Any,
    words: Any,
    batches: Sequence[Encoded],
    references: Sequence[str],
    written: Sequence[str],
    settings: Sequence[Setting],
) -> list[dict[str, float]]:
    """Selection scores of each setting; the model keeps its own configuration."""
    kept, found = model.config, []
    for setting in settings:
        model.config = setting.apply(kept)
        found.append(selection_scores(decode_reports(model, words, batches), references, written))
        print(_row(setting, found[-1]), flush=True)
    model.config = kept
    return found


def _row(setting: Setting, scores: dict[str, float]) -> str:
    values = "  ".join(f"{name} {scores[name]:.4g}" for name in SHOWN)
    chosen = f"length penalty {setting.length_penalty:<4g} guidance {setting.guidance:<4g} "
    return f"{chosen} no repeat {setting.no_repeat}  {values}"


def write_setting(folder: Path, setting: Setting, scores: dict[str, float]) -> None:
    """Put a setting into config.json, with the scores on val by which it was chosen."""
    document = read_config(folder)
    document["config"]["decoding"]["length_penalty"] = setting.length_penalty
    document["config"]["decoding"]["no_repeat"] = setting.no_repeat
    document["config"]["guidance"] = setting.guidance
    document["decoding_choice"] = {name: round(scores[name], 4) for name in SHOWN}
    (folder / "config.json").write_text(json.dumps(document, indent=1) + "\n")


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Command line; `arguments` for tests."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    add = parser.add_argument
    add("--checkpoint", type=Path, required=True, help="of XProNet, MedRAT or OTDRG")
    add("--data", type=Path, required=True)
    add("--length-penalties", type=float, nargs="+", default=[0.6, 1.0, 1.4])
    add("--guidances", type=float, nargs="+", default=[0.0, 0.5, 1.0, 2.0])
    add("--no-repeats", type=int, nargs="+", default=[0, 4], help="tokens in a row that are said once")
    add("--write", action="store_true", help="put the best setting into config.json")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Encode val once, decode it with each setting, name the best."""
    options = parse(arguments)
    rows = read_iu_xray(options.data)
    val = [row for row in rows if row.split == "val"]
    model: Any = load(options.checkpoint).model
    words = read_words(options.checkpoint, model)
    batches = list(encoded_studies(options.checkpoint, model, val))
    choices = (options.length_penalties, options.guidances, options.no_repeats)
    settings = [Setting(*chosen) for chosen in itertools.product(*choices)]
    written = [row.report for row in val]
    found = score_settings(model, words, batches, _references(rows, val), written, settings)
    best = max(range(len(found)), key=lambda place: found[place]["score"])
    print("best:", _row(settings[best], found[best]))
    if options.write:
        write_setting(options.checkpoint, settings[best], found[best])


def _references(rows: Sequence[StudyRow], val: Sequence[StudyRow]) -> list[str]:
    """Val's reports as the protocol scores them, in the words of the train reports."""
    from radui.processing.vocabulary import Vocabulary

    return protocol_references(val, Vocabulary.build(row.report for row in rows if row.split == "train"))


if __name__ == "__main__":
    main()
