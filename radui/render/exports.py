"""All that the page shows of a study, as files: text, JSON and the raw arrays. The PDF is in `report_pdf`."""

import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from typing import Any

import numpy as np

from radui.observations import OBSERVATIONS, STATE_NAMES
from radui.processing.labeler import label
from radui.records import Finding, GateVerdict, Prediction, Study
from radui.render.scores import cider_note
from radui.render.warning import gate_warning
from radui.scores import Corpus, ReportScores, score_report

NOTICE = "Research use only, not for diagnosis."
SCHEMA = 1


@dataclass(frozen=True)
class Case:
    """A study, its complete predictions by system title, the classifier's findings, perhaps a reference.

    verdicts: the gate's, empty where it was not asked. checkpoints: SHA-256 of the weights by system title.
    corpus: what CIDEr weighs words by.
    """

    study: Study
    predictions: Mapping[str, Prediction]
    findings: tuple[Finding, ...] = ()
    reference: str = ""
    verdicts: tuple[GateVerdict, ...] = ()
    checkpoints: Mapping[str, str] = field(default_factory=dict)
    corpus: Corpus | None = None

    @property
    def warning(self) -> str | None:
        """What has to stand on every export of a picture that the gate did not pass."""
        return gate_warning(self.verdicts)

    def scores(self) -> dict[str, ReportScores]:
        """Score each report by its system's title; empty without a reference."""
        if not self.reference.strip():
            return {}
        found = self.predictions.items()
        return {title: score_report(one.report, self.reference, self.corpus) for title, one in found}


def case_text(case: Case) -> str:
    """Return the reports as plain text, one paragraph a system, with what each states."""
    parts = [NOTICE, *([f"WARNING: {case.warning}"] if case.warning else [])]
    if case.study.indication:
        parts.append(f"Indication: {case.study.indication}")
    for title, one in case.predictions.items():
        parts.append("\n".join((*_heading(title, one, case), one.report, _states_text(one.report))))
    if case.reference.strip():
        parts.append(f"REFERENCE\n{case.reference.strip()}\n{_states_text(case.reference)}")
    if case.findings:
        lines = (f"  {one.observation}: {one.positive:.2f}" for one in case.findings)
        parts.append("CLASSIFIER, probability of presence\n" + "\n".join(lines))
    return "\n\n".join(parts) + "\n"


def case_json(case: Case) -> str:
    """Return everything but arrays as JSON."""
    return json.dumps(case_document(case), indent=2, ensure_ascii=False)


def case_document(case: Case) -> dict[str, Any]:
    """Return everything but arrays as plain values; `schema` counts up when the layout changes."""
    return {
        "schema": SCHEMA,
        "notice": NOTICE,
        "warning": case.warning,
        "gate": [asdict(verdict) for verdict in case.verdicts],
        "indication": case.study.indication,
        "views": [{"size": view.size, "view": view.view} for view in case.study.views],
        "reports": {
            title: _report(one) | {"checkpoint_sha256": case.checkpoints.get(title)}
            for title, one in case.predictions.items()
        },
        "classifier": [finding_document(one) for one in case.findings],
        "reference": case.reference,
        "cider": cider_note(case.corpus),
        "scores": {title: {**asdict(one), "f1": one.f1} for title, one in case.scores().items()},
    }


def case_arrays(case: Case) -> bytes:
    """Return a zip: one <system>.npz of raw evidence each, and description.json, which tells what is in it.

    Every array of every evidence part goes in under its record's name and field, so that a new kind of
    evidence needs no line here; what is no array stands in the description.
    """
    buffer = io.BytesIO()
    description: dict[str, Any] = {"schema": SCHEMA, "notice": NOTICE, "warning": case.warning, "systems": {}}
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for title, one in case.predictions.items():
            arrays, rest = _split(one)
            packed = io.BytesIO()
            np.savez_compressed(packed, **arrays)
            archive.writestr(f"{one.system}.npz", packed.getvalue())
            description["systems"][one.system] = rest | {"checkpoint_sha256": case.checkpoints.get(title)}
        archive.writestr("description.json", json.dumps(description, indent=2, ensure_ascii=False))
    return buffer.getvalue()


def _heading(title: str, prediction: Prediction, case: Case) -> list[str]:
    checkpoint = case.checkpoints.get(title)
    weights = [f"Checkpoint SHA-256 {checkpoint}"] if checkpoint else []
    return [f"{title.upper()} ({prediction.seconds:.1f} s)", *weights]


def _states_text(report: str) -> str:
    stated = [f"{name} {STATE_NAMES[state]}" for name, state in label(report).items() if state]
    return "States: " + (", ".join(stated) or "none of the 14 observations") + "."


def _report(prediction: Prediction) -> dict[str, Any]:
    return {
        "system": prediction.system,
        "report": prediction.report,
        "seconds": round(prediction.seconds, 3),
        "tokens": [asdict(token) for token in prediction.tokens],
        "stated": {name: STATE_NAMES[state] for name, state in label(prediction.report).items()},
        "findings": [finding_document(one) for one in prediction.findings],
    }


def finding_document(finding: Finding) -> dict[str, Any]:
    """Return a finding as plain values, each state with its probability."""
    named = dict(zip(STATE_NAMES, map(float, finding.probabilities), strict=True))
    return {
        "observation": finding.observation,
        "state": STATE_NAMES[finding.state],
        "probabilities": named,
    }


def _split(prediction: Prediction) -> tuple[dict[str, Any], dict[str, Any]]:
    """Arrays by "part.field", and a description of them and of everything else in the evidence."""
    arrays: dict[str, Any] = {}
    rest: dict[str, Any] = {"report": prediction.report, "observations": list(OBSERVATIONS), "arrays": {}}
    rest["tokens"] = [token.text for token in prediction.tokens]
    for name, value in _leaves(prediction.evidence):
        if isinstance(value, np.ndarray):
            arrays[name] = value
            rest["arrays"][name] = {"shape": list(value.shape), "dtype": str(value.dtype)}
        else:
            rest[name] = value
    return arrays, rest


def _leaves(record: Any) -> Iterator[tuple[str, Any]]:
    """(part.field, value) of each field of each part that is there, records turned into plain values."""
    for part in fields(record):
        value = getattr(record, part.name)
        if is_dataclass(value):
            for field in fields(value):
                yield f"{part.name}.{field.name}", _plain(getattr(value, field.name))
        elif value is not None:
            yield part.name, _plain(value)


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value
    if isinstance(value, (tuple, list)):
        return [_plain(one) for one in value]
    if isinstance(value, np.generic):
        return value.item()
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
