"""What a reading study is: its questions, its design, its cases and where its reports come from."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from radui.records import Radiograph, Study
from radui.store.errors import RuleError

Design = Literal["pairwise", "side_by_side"]
REFERENCE = "reference"
"""The system name of the radiologist's own report as a candidate."""
MAX_LETTERS = 8


@dataclass(frozen=True)
class Questions:
    """Which questions a case asks; a submission answers all that are switched on.

    errors: the six categories of ReXVal with significance, or an explicit "no errors".
    preference: of two reports; ranking where a case shows more. severity: ReFiSco's 0-4 for each error.
    explanations: may be answered for any number of words. pictures: realism and agreement of synthetic ones.
    """

    image_quality: bool = True
    confidence: bool = True
    errors: bool = True
    acceptability: bool = True
    hallucination: bool = True
    clarity: bool = True
    preference: bool = True
    severity: bool = False
    radpeer: bool = False
    explanations: bool = True
    pictures: bool = False


@dataclass(frozen=True)
class StudyPlan:
    """The design of a reading study.

    pairwise: each task shows two candidates, every pair of a case is a task; side_by_side: one task a case.
    readers_per_case: None for all readers. repeat_share: of a reader's tasks that come a second time at the
    end of the queue, for intra-reader agreement. seed: of the queues' order, the letters and the repeats.
    blinded: texts are normalised and names stay on the server; reveal_names: after a submission.
    """

    title: str
    systems: tuple[str, ...]
    design: Design = "side_by_side"
    include_reference: bool = False
    readers_per_case: int | None = None
    repeat_share: float = 0.0
    seed: int = 0
    blinded: bool = True
    reveal_names: bool = False
    instructions: str = ""
    questions: Questions = field(default_factory=Questions)

    def __post_init__(self) -> None:
        if not self.title.strip():
            raise RuleError("A reading study has to have a title.")
        if len(set(self.systems)) < len(self.systems) or REFERENCE in self.systems:
            raise RuleError(
                f"Name each system once; the reference report is asked for by its own switch: {REFERENCE}."
            )
        if not 1 <= len(self.candidates) <= MAX_LETTERS:
            raise RuleError(f"A case shows 1 to {MAX_LETTERS} reports, not {len(self.candidates)}.")
        if self.design == "pairwise" and len(self.candidates) < 2:
            raise RuleError("A pairwise study needs two systems, or one and the reference report.")
        if not 0 <= self.repeat_share <= 1:
            raise RuleError("The share of repeated cases is between 0 and 1.")
        if self.readers_per_case is not None and self.readers_per_case < 1:
            raise RuleError("At least one reader reads each case.")

    @property
    def candidates(self) -> tuple[str, ...]:
        """Names of all that a case shows."""
        return (*self.systems, REFERENCE) if self.include_reference else self.systems


@dataclass(frozen=True)
class NewCase:
    """A case to read: pictures and indication, and the radiologist's report where there is one."""

    name: str
    study: Study
    reference_report: str | None = None


@dataclass(frozen=True)
class GeneratedReport:
    """What a system wrote; checkpoint_sha256 names the weights. picture: a synthetic radiograph to rate."""

    report: str
    checkpoint_sha256: str | None = None
    seconds: float | None = None
    picture: Radiograph | None = None


Generate = Callable[[str, Study], GeneratedReport]
"""(system, study) -> its report; the store's only tie to models, handed in by who has an engine."""
