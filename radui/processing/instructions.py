"""Studies as instructions to one language model of both directions (AdaMatch-Cyclic, Figures 3 and 4).

Text and image tokens share one row of ids: those of the text come first, code k is id `texts` + k.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from radui.processing.reports import clean
from radui.processing.tokenizer import END, ReportTokenizer
from radui.records import View

TASK = (
    "Below is an instruction that describes a task, paired with an input that provides further context. "
    "Write a response that appropriately completes the request."
)
TO_REPORT = "Utilize the entered chest X-ray images to generate comprehensive free-text radiology reports."
# The paper's example asks for an AP view; here a study has a frontal and a lateral picture.
TO_PICTURE = "Create a {view} chest X-ray image that matches the free-text radiology reports."
NO_PLACE = -1


@dataclass(frozen=True)
class Instruction:
    """ids of text and image tokens together; places: of a picture's codes 0, 1, …, NO_PLACE elsewhere."""

    ids: tuple[int, ...]
    places: tuple[int, ...]

    def __add__(self, other: "Instruction") -> "Instruction":
        return Instruction(self.ids + other.ids, self.places + other.places)


def instruction_texts() -> list[str]:
    """Everything that an instruction says beside reports and keywords: what a tokenizer must know."""
    pictures = [TO_PICTURE.format(view=view) for view in ("frontal", "lateral")]
    marks = ["### Instruction: ### Input: ### Keywords: ### Keypatches: ### Response:"]
    return [TASK, TO_REPORT, *pictures, *marks]


@dataclass(frozen=True)
class Instructor:
    """Writes instructions and responses; texts: how many ids the model has for text."""

    tokenizer: ReportTokenizer
    texts: int

    def to_report(self, codes: Sequence[int], keywords: Sequence[str] | None = None) -> Instruction:
        """Ask for the report of a picture (Figure 3); keywords None leaves their line out.

        Without codes it asks for a report of nothing, which guidance needs.
        """
        asked = self._to_report + self.picture(codes)
        if keywords is not None:
            asked += self.text(" ### Keywords: " + ", ".join(keywords))
        return asked + self._respond

    def to_picture(
        self, report: str, view: View = "frontal", keypatches: Sequence[int] | None = None
    ) -> Instruction:
        """Ask for the codes of a picture (Figure 4); keypatches: their codes, None leaves the line out."""
        asked = self._to_picture[view] + self.text(" " + clean(report) if report.strip() else "")
        if keypatches is not None:
            asked += self.text(" ### Keypatches:") + self._codes(keypatches)
        return asked + self._respond

    def report(self, report: str, longest: int) -> Instruction:
        """A report as a response, with its end unless it is cut to `longest` ids."""
        ids = self.tokenizer.encode(report, longest + 1)[1:]
        return Instruction(tuple(ids), (NO_PLACE,) * len(ids))

    def picture(self, codes: Sequence[int]) -> Instruction:
        """A picture's codes, row by row, each with its place."""
        return Instruction(self._codes(codes).ids, tuple(range(len(codes))))

    def text(self, text: str) -> Instruction:
        """A piece of text."""
        ids = self.tokenizer.tokens(text)
        return Instruction(tuple(ids), (NO_PLACE,) * len(ids))

    def _codes(self, codes: Sequence[int]) -> Instruction:
        ids = tuple(self.texts + int(code) for code in codes)
        return Instruction(ids, (NO_PLACE,) * len(ids))

    def _opening(self, instruction: str) -> Instruction:
        return self.text(f"{TASK} ### Instruction: {instruction} ### Input:")

    @cached_property
    def _to_report(self) -> Instruction:
        return self._opening(TO_REPORT)

    @cached_property
    def _to_picture(self) -> dict[View, Instruction]:
        views: tuple[View, ...] = ("frontal", "lateral")
        return {view: self._opening(TO_PICTURE.format(view=view)) for view in views}

    @cached_property
    def _respond(self) -> Instruction:
        # The response begins with the id that begins a report everywhere in this project.
        return self.text(" ### Response:") + Instruction((END,), (NO_PLACE,))
