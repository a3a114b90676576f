"""Train OTDRG on a data set in IU X-Ray's layout, stage by stage.

    python -m train.otdrg --stage distill --data DATA --out runs/otdrg-swin
    python -m train.otdrg --stage lm --data DATA --out runs/otdrg-lm
    python -m train.otdrg --stage sft --data DATA --encoder-run runs/otdrg-swin \\
        --language-run runs/otdrg-lm --out runs/otdrg

distill teaches a Swin encoder the shipped backbone's patch features and the observation states; ircp goes
on with the paper's contrastive pre-training; probe measures an encoder; lm pre-trains the compact language
model, or adopts a Hugging Face one with --language-model; labels compares the rule labeler with a language
model's labels; sft trains projections and adapters on cached features of the frozen encoder.
"""

import argparse
from pathlib import Path

from train.distill import EncoderObjective
from train.otdrg_sft import train_reports
from train.otdrg_stages import ENCODERS, extract_labels, probe_encoder, train_encoder, train_language_model

STAGES = ("labels", "distill", "ircp", "probe", "lm", "sft")
# (epochs, batch size, learning rate) where the command names none.
DEFAULTS = {"distill": (12, 32, 1e-3), "ircp": (1, 32, 1e-4), "lm": (6, 32, 2e-3), "sft": (12, 16, 1e-3)}


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Command line; `arguments` for tests."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    add = parser.add_argument
    add("--stage", choices=STAGES, required=True)
    add("--data", type=Path, required=True)
    add("--out", type=Path, required=True)
    add("--classifier", type=Path, default=Path("checkpoints/observation_classifier"))
    add("--teacher", type=Path, default=Path("checkpoints/observation_classifier"))
    add("--encoder", choices=ENCODERS, default="swin")
    add("--encoder-run", type=Path, help="run of distill or ircp, or a checkpoint folder")
    add("--language-run", type=Path, help="run of stage lm")
    add("--language-model", default="", help="lm, labels: a Hugging Face causal model by name or folder")
    add("--dtype", default="float32", choices=("float32", "bfloat16", "float16"))
    add("--epochs", type=int)
    add("--batch-size", type=int)
    add("--learning-rate", type=float)
    add("--label-noise", type=float, default=0.5)
    add("--seed", type=int, default=7580)
    add("--resume", action="store_true")
    labels = parser.add_argument_group("labels")
    labels.add_argument("--limit", type=int, help="ask about the first LIMIT train reports only")
    labels.add_argument("--attempts", type=int, default=3)
    labels.add_argument("--choose", action="store_true", help="weigh the four states, for small models")
    encoder = parser.add_argument_group("distill and ircp")
    encoder.add_argument("--distill-weight", type=float, default=1.0)
    encoder.add_argument("--label-weight", type=float, default=1.0)
    encoder.add_argument("--ircp-level", choices=("image", "report"), default="image")
    encoder.add_argument("--similarity", choices=("euclidean", "cosine"), default="euclidean")
    encoder.add_argument("--noise", type=float, default=0.1, help="sigma of IRCP's positives")
    encoder.add_argument("--temperature", type=float, default=0.5, help="tau of eq. 2")
    language = parser.add_argument_group("lm")
    language.add_argument("--tokens", type=int, default=1500, help="size of the BPE")
    language.add_argument("--width", type=int, default=256)
    language.add_argument("--layers", type=int, default=4)
    _add_sft(parser)
    options = parser.parse_args(arguments)
    for name, value in zip(
        ("epochs", "batch_size", "learning_rate"), DEFAULTS.get(options.stage, ()), strict=False
    ):
        if getattr(options, name) is None:
            setattr(options, name, value)
    return options


def _add_sft(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("sft").add_argument
    add("--no-labels", action="store_true", help="Table 3, w/o DLE (and hence w/o FIOT)")
    add("--no-transport", action="store_true", help="Table 3, w/o FIOT")
    add("--epsilon", type=float, default=0.10, help="Table 4")
    add("--iterations", type=int, default=50, help="figure 4")
    add("--raw-cost", action="store_true", help="eq. 6 on projections of any length, as printed")
    add("--gradient", choices=("envelope", "autodiff"), help="default: what the features need")
    add("--features", choices=("plain", "barycentric", "residual"), default="plain")
    add("--transport-weight", type=float, default=0.1, help="lambda of eq. 12")
    add("--contrast-weight", type=float, default=0.0, help="of train.transport_losses; 0 is the paper")
    add("--label-text", choices=("none", "stated", "all"), default="stated")
    add("--labels", type=Path, help="states from stage labels in place of the rule labeler's")
    add("--lora-rank", type=int, default=16)
    add("--lora-targets", choices=("all", "qv"), default="all")
    add("--train-encoder", action="store_true", help="the encoder learns too, on pixels")
    add("--patch-dropout", type=float, default=0.3)
    add("--smoothing", type=float, default=0.1)
    add("--beams", type=int, default=3)
    add("--max-tokens", type=int, default=80)
    add("--length-penalty", type=float, default=1.0, help="0 is the protocol's plain sum")
    add("--evaluate-every", type=int, default=2)


def encoder_objective(options: argparse.Namespace) -> EncoderObjective:
    """What the encoder learns: ircp adds eq. 2 to whatever distill is given."""
    return EncoderObjective(
        options.distill_weight,
        options.label_weight,
        1.0 if options.stage == "ircp" else 0.0,
        options.ircp_level,
        options.similarity,
        options.noise,
        options.temperature,
    )


def main(arguments: list[str] | None = None) -> None:
    """Run one stage."""
    options = parse(arguments)
    if options.stage in ("distill", "ircp"):
        train_encoder(options, encoder_objective(options))
    elif options.stage == "probe":
        probe_encoder(options)
    elif options.stage == "lm":
        train_language_model(options)
    elif options.stage == "labels":
        extract_labels(options)
    elif options.stage == "sft":
        train_reports(options)


if __name__ == "__main__":
    main()
