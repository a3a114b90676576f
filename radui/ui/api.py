"""The named endpoints for scripts; docs/api.md has an example of each, and a test runs them.

Nothing is kept between two calls: uploads are deleted as soon as they are read, studies forgotten when their
call ends. What is wrong with a call comes back as one sentence.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import gradio as gr
from gradio import FileData
from typing_extensions import TypedDict

from radui.engine import Engine
from radui.observations import STATE_NAMES
from radui.processing.images import read_study
from radui.processing.labeler import label
from radui.reading_study import check_systems, complete_report, ready_systems
from radui.records import Prediction, Study
from radui.render.api import EvidenceDocument, evidence_document
from radui.render.exports import Case, case_document, finding_document
from radui.render.warning import gate_warning
from radui.scores import Corpus, score_report
from radui.ui.fingerprints import fingerprint
from radui.ui.intake import UploadError, take_files
from radui.ui.streams import USERS, sentence


class SystemState(TypedDict):
    """A system of the page; `problem` is None where it can write, else what to do."""

    name: str
    title: str
    problem: str | None


class FindingState(TypedDict):
    """An observation with the likeliest state and the probability of each."""

    observation: str
    state: str
    probabilities: dict[str, float]


class Findings(TypedDict):
    """What gate and classifier see; `warning` is None where every picture passed the gate."""

    warning: str | None
    gate: list[dict[str, Any]]
    findings: list[FindingState]


class Report(TypedDict):
    """A report with its words, what it states, the classifier's findings and the hash of its weights."""

    system: str
    report: str
    seconds: float
    tokens: list[dict[str, Any]]
    stated: dict[str, str]
    findings: list[FindingState]
    checkpoint_sha256: str | None


class Reports(TypedDict):
    """Reports of a study by title; problems: why a system wrote none, by title."""

    notice: str
    warning: str | None
    reports: dict[str, Report]
    problems: dict[str, str]


class Scores(TypedDict):
    """A report against a reference: BLEU-1 to 4, ROUGE-L, the findings of both by the rule labeler.

    cider is None on a page without --references.
    """

    bleu: list[float]
    rouge_l: float
    cider: float | None
    f1: float | None
    found: list[str]
    missing: list[str]
    added: list[str]


class ScriptApi:
    """What a script can ask; each method is the endpoint of its name."""

    def __init__(self, engine: Engine, corpus: Corpus | None = None) -> None:
        self.engine, self.corpus = engine, corpus
        self.titles = {status.name: status.title for status in engine.systems()}

    def connect(self) -> None:
        """Publish the endpoints inside the surrounding `gr.Blocks`; those with models share a queue."""
        at_work: tuple[Callable[..., Any], ...] = (self.report, self.findings, self.evidence)
        for answer in at_work:
            gr.api(answer, api_name=answer.__name__, concurrency_limit=USERS, concurrency_id="scripts")
        for answer in (self.systems, self.score, self.label):
            gr.api(answer, api_name=answer.__name__)

    def systems(self) -> list[SystemState]:
        """List the systems and why one cannot write."""
        return [
            {"name": status.name, "title": status.title, "problem": status.problem}
            for status in self.engine.systems()
        ]

    def findings(self, pictures: list[FileData]) -> Findings:
        """Say what gate and classifier see in one or two pictures of a study."""
        with self._study(pictures) as study:
            verdicts = self.engine.gate(study)
            return {
                "warning": gate_warning(verdicts),
                "gate": [asdict(verdict) for verdict in verdicts],
                "findings": [_finding(one) for one in self.engine.findings(study)],
            }

    def report(
        self,
        pictures: list[FileData],
        systems: list[str] | None = None,
        labels: list[str] | None = None,
        indication: str = "",
    ) -> Reports:
        """Write the reports of a study by the named systems, by all that can write when none is named.

        labels: observations to condition on instead of the classifier's.
        """
        with self._study(pictures, indication) as study:
            names = self._names(systems)
            predictions: dict[str, Prediction] = {}
            problems: dict[str, str] = {}
            for name in names:
                try:
                    predictions[self.titles[name]] = complete_report(self.engine, name, study, labels)
                except Exception as error:  # the others still answer
                    problems[self.titles[name]] = sentence(error)
            return self._reports(study, predictions, problems)

    def evidence(
        self,
        pictures: list[FileData],
        system: str,
        word: str = "",
        observation: str = "",
        layer: int | None = None,
        head: int | None = None,
        labels: list[str] | None = None,
        indication: str = "",
    ) -> EvidenceDocument:
        """Return the maps and patches of one system's report for a word of it, or for an observation.

        layer, head: of the attention, from 0; the mean where none is given.
        """
        with self._study(pictures, indication) as study:
            check_systems(self.engine, [system])
            prediction = complete_report(self.engine, system, study, labels)
            return evidence_document(prediction, word, observation, layer, head)

    def score(self, report: str, reference: str) -> Scores:
        """Score a report against a reference."""
        scores = score_report(report, reference, self.corpus)
        return {
            "bleu": list(scores.bleu),
            "rouge_l": scores.rouge_l,
            "cider": scores.cider,
            "f1": scores.f1,
            "found": list(scores.found),
            "missing": list(scores.missing),
            "added": list(scores.added),
        }

    def label(self, report: str) -> dict[str, str]:
        """Read the state of the 14 observations from a report, by the rule labeler."""
        return {name: STATE_NAMES[state] for name, state in label(report).items()}

    @contextmanager
    def _study(self, pictures: Sequence[Any], indication: str = "") -> Iterator[Study]:
        """The study of uploaded pictures, forgotten at the end; what goes wrong ends in one sentence."""
        study = None
        try:
            study = read_study(take_files(_paths(pictures)), indication.strip())
            yield study
        except Exception as error:
            raise gr.Error(sentence(error), print_exception=False) from None
        finally:
            if study is not None:
                self.engine.forget(study)

    def _names(self, systems: Sequence[str] | None) -> Sequence[str]:
        names = tuple(dict.fromkeys(systems)) if systems else ready_systems(self.engine)
        check_systems(self.engine, names)
        return names

    def _reports(self, study: Study, predictions: dict[str, Prediction], problems: dict[str, str]) -> Reports:
        case = Case(
            study,
            predictions,
            verdicts=tuple(self.engine.gate(study)),
            checkpoints={title: fingerprint(self.engine, one.system) for title, one in predictions.items()},
        )
        document = case_document(case)
        return {
            "notice": document["notice"],
            "warning": document["warning"],
            "reports": document["reports"],
            "problems": problems,
        }


def _paths(pictures: Any) -> list[str]:
    """The paths of uploads; what else a script may send ends in a sentence."""
    if not isinstance(pictures, list) or not all(isinstance(one, dict) for one in pictures):
        raise UploadError("Give the pictures as a list of files: [handle_file(PATH)].")
    return [str(one.get("path")) for one in pictures]


def _finding(finding: Any) -> FindingState:
    document: FindingState = finding_document(finding)  # type: ignore[assignment]
    return document
