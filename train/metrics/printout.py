"""An evaluation as the text that is printed and as the JSON that is kept."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from train.metrics import differences
from train.metrics.clinical import Policy
from train.metrics.published import PUBLISHED
from train.metrics.records import Scores, Unavailable
from train.metrics.table import (
    LEGEND,
    Row,
    clinical_table,
    published_row,
    score_table,
    seeds_row,
    system_row,
)


@dataclass(frozen=True)
class Settings:
    """What the figures depend on. limit: None for the whole split; resamples: 0 for no intervals.

    impression: whether references hold the impression beside the findings.
    """

    split: str
    policy: Policy
    oracle_labels: bool
    resamples: int
    seed: int
    limit: int | None = None
    impression: bool = False


@dataclass(frozen=True)
class Evaluation:
    """Scores by name. seeds: the systems that are runs of one system, if there are several.

    compared: baselines whose F1 stands beside a system's; missing: reasons by metric or baseline.
    """

    settings: Settings
    studies: int
    systems: Mapping[str, Scores]
    seeds: tuple[str, ...]
    baselines: Mapping[str, Scores]
    compared: tuple[str, ...]
    missing: Mapping[str, str]


def render(evaluation: Evaluation, markdown: bool = False) -> str:
    """The whole printed answer: the table, its notes, clinical tables, what is unavailable and why."""
    blocks = [_heading(evaluation), score_table(_rows(evaluation), markdown), _notes()]
    if evaluation.settings.resamples:
        blocks.append(f"Differences from the rivals, paired by study. {differences.LEGEND}")
        blocks.append(score_table(_difference_rows(evaluation), markdown))
    others = {name: evaluation.baselines[name] for name in evaluation.compared}
    policy = evaluation.settings.policy
    for name, scores in evaluation.systems.items():
        blocks.append(f"Clinical efficacy of {name} ({policy}; rule labeler on both sides)")
        blocks.append(clinical_table(scores, others, markdown))
    if evaluation.missing:
        gaps = [f"- {name}: {reason}" for name, reason in evaluation.missing.items()]
        blocks.append("\n".join(["Unavailable here:", *gaps]))
    return "\n\n".join(blocks)


def _rows(evaluation: Evaluation) -> list[Row]:
    rows = [system_row(name, scores) for name, scores in evaluation.systems.items()]
    if len(evaluation.seeds) > 1:
        rows.append(seeds_row([evaluation.systems[name] for name in evaluation.seeds]))
    rows += [system_row(name, scores) for name, scores in evaluation.baselines.items()]
    return rows + [published_row(paper) for paper in PUBLISHED]


def _difference_rows(evaluation: Evaluation) -> list[Row]:
    """Each system against each rival: baselines, and report files where a checkpoint is scored."""
    systems = evaluation.systems
    asked = {name: systems[name] for name in evaluation.seeds or systems}
    rivals = {**evaluation.baselines, **{name: systems[name] for name in systems if name not in asked}}
    return [
        differences.difference_row(f"{name} - {rival}", ours, theirs)
        for name, ours in asked.items()
        for rival, theirs in rivals.items()
    ]


def _heading(evaluation: Evaluation) -> str:
    settings = evaluation.settings
    text = f"IU X-Ray, {settings.split} split, {evaluation.studies} studies, R2Gen protocol"
    if settings.impression:
        text += " but against findings and impression"
    if settings.resamples:
        text += f"; ± half the 95 % bootstrap interval ({settings.resamples:,} resamples of studies)"
    return text if settings.limit is None else f"{text}. Cut by --limit: not comparable with the papers"


def _notes() -> str:
    notes = [f"- {p.system}: {p.source}" + (f"; {p.note}" if p.note else "") for p in PUBLISHED]
    return "\n".join([LEGEND, "", "Papers, as printed there:", *notes])


def as_json(evaluation: Evaluation) -> dict[str, Any]:
    """Values with intervals, reasons and settings, ready for json.dump."""
    return {
        "settings": asdict(evaluation.settings),
        "studies": evaluation.studies,
        "systems": {name: _plain(scores) for name, scores in evaluation.systems.items()},
        "baselines": {name: _plain(scores) for name, scores in evaluation.baselines.items()},
        "missing": dict(evaluation.missing),
    }


def _plain(scores: Scores) -> dict[str, dict[str, Any]]:
    return {
        metric: {"unavailable": score.reason}
        if isinstance(score, Unavailable)
        else {"value": score.value, "low": score.low, "high": score.high}
        for metric, score in scores.values.items()
    }
