"""The sentence that goes with every report of a picture that the gate doubts, wherever the report goes."""

from collections.abc import Sequence

from radui.records import GateVerdict

NOT_ASKED = "Whether the pictures are chest radiographs was not checked."


def gate_warning(verdicts: Sequence[GateVerdict]) -> str | None:
    """Return one sentence where the gate doubts a picture or was not asked; None where all passed."""
    if not verdicts:
        return NOT_ASKED
    doubtful = [str(number) for number, verdict in enumerate(verdicts, 1) if not verdict.passed]
    if len(doubtful) > 1:
        return f"Pictures {' and '.join(doubtful)} do not look like chest radiographs."
    return f"Picture {doubtful[0]} does not look like a chest radiograph." if doubtful else None
