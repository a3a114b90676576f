"""All that the page shows of a study, as files: text, JSON and the raw arrays. The PDF is in `report_pdf`."""

import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass
from typing import Any

import numpy as np

from radui.observations import OBSERVATIONS, STATE_NAMES
from radui.processing.labeler import label
from radui.records import Finding, Prediction, Study
from radui.scores import ReportScores, score_report

NOTICE = "Research use only, not for diagnosis."
SCHEMA = 1


@dataclass(frozen=True)
class Case:
    """A study, its complete predictions by system title, the classifier's findings, perhaps a reference."""

    study: Study
    predictions: Mapping[str, Prediction]
    findings: tuple[Finding, ...] = ()
    reference: str = ""

    def scores(self) -> dict[str, ReportScores]:
        """Score each report by its system's title; empty without a reference."""
        if not self.reference.strip():
            return {}
        return {title: score_report(one.report, self.reference) for title, one in self.predictions.items()}


def case_text(case: Case) -> str:
    """Return the reports as plain text, one paragraph a system, with what each states."""
    parts = [NOTICE]
    if case.study.indication:
        parts.append(f"Indication: {case.study.indication}")
    for title, one in case.predictions.items():
        parts.append(f"{title.upper()} ({one.seconds:.1f} s)\n{one.report}\n{_states_text(one.report)}")
    if case.reference.strip():
        parts.append(f"REFERENCE\n{case.reference.strip()}\n{_states_text(case.reference)}")
    if case.findings:
        lines = (f"  {one.observation}: {one.positive:.2f}" for one in case.findings)
        parts.append("CLASSIFIER, probability of presence\n" + "\n".join(lines))
    return "\n\n".join(parts) + "\n"


def case_json(case: Case) -> str:
    """Return everything but arrays as JSON; `schema` counts up when the layout changes."""
    document = {
        "schema": SCHEMA,
        "notice": NOTICE,
        "indication": case.study.indication,
        "views": [{"size": view.size, "view": view.view} for view in case.study.views],
        "reports": {title: _report(one) for title, one in case.predictions.items()},
        "classifier": [_finding(one) for one in case.findings],
        "reference": case.reference,
        "scores": {title: {**asdict(one), "f1": one.f1} for title, one in case.scores().items()},
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def case_arrays(case: Case) -> bytes:
    """Return a zip: one <system>.npz of raw evidence each, and description.json, which tells what is in it.

    Every array of every evidence part goes in under its record's name and field, so that a new kind of
    evidence needs no line here; what is no array stands in the description.
    """
    buffer = io.BytesIO()
    description: dict[str, Any] = {"schema": SCHEMA, "notice": NOTICE, "systems": {}}
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for one in case.predictions.values():
            arrays, rest = _split(one)
            packed = io.BytesIO()
            np.savez_compressed(packed, **arrays)
            archive.writestr(f"{one.system}.npz", packed.getvalue())
            description["systems"][one.system] = rest
        archive.writestr("description.json", json.dumps(description, indent=2, ensure_ascii=False))
    return buffer.getvalue()


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
        "findings": [_finding(one) for one in prediction.findings],
    }


def _finding(finding: Finding) -> dict[str, Any]:
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
