"""Score checkpoints or report files on IU X-Ray beside baselines and the papers, in one table.

python -m train.evaluate --checkpoint checkpoints/xpronet --data data/iu_xray
"""

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from train.data.study import DataError, StudyRow
from train.metrics.baselines import SHORTLIST, best_constant, nearest_reports, random_reports
from train.metrics.bootstrap import RESAMPLES, SEED
from train.metrics.meteor import Meteor
from train.metrics.printout import Evaluation, Settings, as_json, render
from train.metrics.records import Metric, Scores
from train.metrics.scored_studies import EvaluationError, ScoredStudies, read_corpus, read_reports
from train.metrics.scoring import quick_metrics, score_reports
from train.metrics.semantic import RADGRAPH, bertscore_metric

Generate = Callable[[Path, Sequence[StudyRow], bool], list[str]]
"""(checkpoint, studies, oracle labels) -> a report a study, as cleaned lower-case words."""
Features = Callable[[Path, Sequence[StudyRow]], NDArray[np.floating]]
"""(checkpoint, studies) -> (studies, d) image features."""

CONSTANT = f"constant report (of {SHORTLIST} most frequent)"
STRONG_CONSTANT = "constant report (of all train reports)"
RANDOM = "random train report"
NEAREST = "nearest neighbour's report"


def _generate(checkpoint: Path, rows: Sequence[StudyRow], oracle_labels: bool) -> list[str]:
    from radui.models.registry import CheckpointError
    from train.generate import generate_reports

    try:
        return generate_reports(checkpoint, list(rows), oracle_labels)
    except CheckpointError as error:
        raise EvaluationError(str(error)) from error


def _features(checkpoint: Path, rows: Sequence[StudyRow]) -> NDArray[np.floating]:
    from train.generate import study_features

    return study_features(checkpoint, list(rows))


def system_reports(
    options: argparse.Namespace, corpus: ScoredStudies, generate: Generate
) -> dict[str, list[str]]:
    """Reports by system: checkpoints first, then report files."""
    oracle = options.oracle_labels
    reports = {
        _system_name(checkpoint, oracle): generate(checkpoint, corpus.rows, oracle)
        for checkpoint in options.checkpoint
    }
    return reports | {str(path): read_reports(path, corpus.rows) for path in options.reports}


def _system_name(checkpoint: Path, oracle_labels: bool) -> str:
    return f"{checkpoint} (labels from the reference report)" if oracle_labels else str(checkpoint)


def baseline_reports(
    corpus: ScoredStudies, checkpoint: Path | None, features: Features
) -> dict[str, list[str]]:
    """What the baselines say of each study; no neighbour where no checkpoint gives image features."""
    studies = len(corpus.rows)
    reports = {
        CONSTANT: [best_constant(corpus.train_texts, corpus.val_texts)] * studies,
        STRONG_CONSTANT: [best_constant(corpus.train_texts, corpus.val_texts, shortlist=None)] * studies,
        RANDOM: random_reports(corpus.train_texts, studies),
    }
    if checkpoint is not None:
        known, asked = features(checkpoint, corpus.train_rows), features(checkpoint, corpus.rows)
        reports[NEAREST] = nearest_reports(corpus.train_texts, known, asked)
    return reports


def evaluate(
    options: argparse.Namespace, corpus: ScoredStudies, generate: Generate, features: Features
) -> Evaluation:
    """Score checkpoints, report files and baselines with the same metrics on the same resamples."""
    settings = _settings(options)
    systems = system_reports(options, corpus, generate)
    compared = None if options.no_neighbour else next(iter(options.checkpoint), None)
    baselines = baseline_reports(corpus, compared, features)
    with Meteor() as meteor:
        neural = (bertscore_metric(options.bertscore_model), RADGRAPH)
        metrics = (*quick_metrics(settings.policy), meteor.metric, *neural)
        scores = {
            name: _score(name, reports, corpus, metrics, settings)
            for name, reports in (systems | baselines).items()
        }
    return Evaluation(
        settings=settings,
        studies=len(corpus.rows),
        systems={name: scores[name] for name in systems},
        seeds=tuple(dict.fromkeys(_system_name(path, settings.oracle_labels) for path in options.checkpoint)),
        baselines={name: scores[name] for name in baselines},
        compared=tuple(name for name in (STRONG_CONSTANT, NEAREST) if name in baselines),
        missing=_missing(scores),
    )


def _settings(options: argparse.Namespace) -> Settings:
    return Settings(
        split=options.split,
        policy="uncertain counts as positive" if options.uncertain_positive else "positive only",
        oracle_labels=options.oracle_labels,
        resamples=options.resamples,
        seed=options.seed,
        limit=options.limit,
        impression=options.impression,
    )


def _score(
    name: str, reports: Sequence[str], corpus: ScoredStudies, metrics: Sequence[Metric], settings: Settings
) -> Scores:
    print(f"scoring {name}", file=sys.stderr, flush=True)
    if len(reports) != len(corpus.rows):
        raise EvaluationError(f"{name} gave {len(reports)} reports for {len(corpus.rows)} studies.")
    written = [row.report for row in corpus.rows]
    return score_reports(reports, corpus.references, written, metrics, settings.resamples, settings.seed)


def _missing(scores: Mapping[str, Scores]) -> dict[str, str]:
    reasons = {} if NEAREST in scores else {NEAREST: "it takes a --checkpoint, and no --no-neighbour."}
    for system in scores.values():
        reasons |= system.unavailable()
    return reasons


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Options of the command."""
    parser = argparse.ArgumentParser(
        prog="python -m train.evaluate", description=(__doc__ or "").split("\n")[0]
    )
    add = parser.add_argument
    add("--checkpoint", type=Path, action="append", default=[], help="checkpoint folder; give it once a seed")
    add("--reports", type=Path, action="append", default=[], help='JSON Lines of {"id": …, "report": …}')
    add("--data", type=Path, required=True, help="IU X-Ray folder with annotation.json and images/")
    add("--split", choices=("val", "test"), default="test")
    add("--limit", type=_positive, help="score the first LIMIT studies only")
    add("--impression", action="store_true", help="against findings and impression, as AdaMatch-Cyclic is")
    add("--oracle-labels", action="store_true", help="feed labels made from the reference report")
    add("--uncertain-positive", action="store_true", help="clinical efficacy: uncertain counts as positive")
    add(
        "--no-neighbour",
        action="store_true",
        help="leave the nearest neighbour out: it takes minutes",
    )
    add("--bertscore-model", type=Path, help="folder of an encoder for BERTScore")
    add("--resamples", type=int, default=RESAMPLES, help="bootstrap resamples; 0 for no intervals")
    add("--seed", type=int, default=SEED, help="seed of the bootstrap")
    add("--markdown", action="store_true", help="print Markdown tables")
    add("--out", type=Path, help="write all values as JSON")
    return parser.parse_args(argv)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def main(
    argv: Sequence[str] | None = None, generate: Generate = _generate, features: Features = _features
) -> int:
    """Run the command; `generate` and `features` say where reports and image features come from."""
    options = parse(argv)
    try:
        corpus = read_corpus(options.data, options.split, options.limit, options.impression)
        evaluation = evaluate(options, corpus, generate, features)
    except (DataError, EvaluationError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(render(evaluation, options.markdown))
    if options.out is not None:
        text = json.dumps(as_json(evaluation), indent=1, ensure_ascii=False)
        options.out.write_text(text + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
