"""What the server remembers of a tab's syntheses: in memory only, gone when the tab closes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Event

from radui.records import Radiograph, SamplingConfig, Study, Synthesis, View
from radui.ui.streams import Update

PAIR = "pair"


@dataclass(frozen=True)
class Order:
    """A radiograph that was asked for; the same order draws the same picture."""

    report: str
    view: View
    seed: int
    sampling: SamplingConfig


@dataclass
class Drawing:
    """An order under its title, and how far it is drawn."""

    title: str
    order: Order
    latest: Synthesis | None = None

    @property
    def complete(self) -> bool:
        """Whether all rows are drawn."""
        return self.latest is not None and self.latest.complete


Kept = tuple[list[Drawing], bool, Radiograph | None, int | str]


@dataclass
class Studio:
    """The drawings of one run, which of them is shown, and what systems read back from it.

    paired: the two drawings are before and after a change. original: the radiograph whose report was drawn.
    chosen: index of a drawing, or `PAIR`. reads: the newest update of each system that reads it back.
    """

    forget: Callable[[Study], None]
    drawings: list[Drawing] = field(default_factory=list)
    paired: bool = False
    original: Radiograph | None = None
    chosen: int | str = 0
    reads: dict[str, Update | None] = field(default_factory=dict)
    study: Study | None = None
    count: int = 0
    cancelled: Event = field(default_factory=Event)

    def put_back(self, before: "Kept") -> None:
        """Take the drawings of an earlier run again: the newer one drew nothing."""
        self.drawings, self.paired, self.original, self.chosen = before
        self.count += 1

    @property
    def kept(self) -> "Kept":
        """What `put_back` takes."""
        return self.drawings, self.paired, self.original, self.chosen

    def begin(self, drawings: Sequence[Drawing], paired: bool = False) -> Event:
        """Stop what is under way and take new drawings; those with an equal order keep their picture.

        Returns the new run's flag.
        """
        done = {each.order: each.latest for each in self.drawings if each.complete}
        stop = self.stop()
        self._drop_reads()
        self.drawings = [Drawing(each.title, each.order, done.get(each.order)) for each in drawings]
        self.paired, self.original, self.chosen = paired, None, 0
        self.count += 1
        return stop

    def begin_reading(self, study: Study, systems: Sequence[str]) -> Event:
        """Stop what is under way and let systems read a drawing back; returns the new run's flag."""
        stop = self.stop()
        self._drop_reads()
        self.study, self.reads = study, dict.fromkeys(systems)
        return stop

    def choose(self, key: str) -> None:
        """Show another drawing; what was read back from the one before goes."""
        choices: dict[str, int | str] = {str(index): index for index in range(len(self.drawings))}
        if self.pair:
            choices[PAIR] = PAIR
        if key in choices:
            self.stop()
            self._drop_reads()
            self.chosen = choices[key]

    def stop(self) -> Event:
        """Stop what is under way; returns the flag of what comes next."""
        self.cancelled.set()
        self.cancelled = Event()
        return self.cancelled

    def close(self) -> None:
        """Stop and let go of everything."""
        self.stop()
        self._drop_reads()
        self.drawings, self.original = [], None

    @property
    def shown(self) -> Drawing | None:
        """The drawing that is read back and saved: of a pair that stands side by side the one after."""
        index = len(self.drawings) - 1 if self.chosen == PAIR else self.chosen
        known = isinstance(index, int) and 0 <= index < len(self.drawings)
        return self.drawings[index] if known and isinstance(index, int) else None

    @property
    def pair(self) -> tuple[Synthesis, Synthesis] | None:
        """Both pictures of a pair, once both are complete."""
        pictures = [each.latest for each in self.drawings if each.latest and each.latest.complete]
        return (pictures[0], pictures[1]) if self.paired and len(pictures) == 2 else None

    @property
    def reports(self) -> dict[str, str]:
        """The complete reports that were read back, by system."""
        found = {name: update.prediction for name, update in self.reads.items() if update}
        return {name: one.report for name, one in found.items() if one and one.complete}

    def _drop_reads(self) -> None:
        if self.study is not None:
            self.forget(self.study)
        self.study, self.reads = None, {}
