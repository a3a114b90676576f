from pathlib import Path

from radui.observations import OBSERVATIONS, State
from train.data.study import StudyRow, summary


def labels(**states):
    named = {name.replace("_", " "): state for name, state in states.items()}
    return {name: named.get(name, State.UNMENTIONED) for name in OBSERVATIONS}


ROWS = [
    StudyRow("a", "train", (Path("a0"), Path("a1")), "Clear.", views=("frontal", "lateral")),
    StudyRow("b", "train", (Path("b0"),), "", views=("frontal",), labels=labels(Edema=State.POSITIVE)),
    StudyRow("c", "test", (Path("c0"), Path("c1")), "Oedema.", labels=labels(Edema=State.UNCERTAIN)),
]


def cells(text, name):
    """The counts of each line called `name`: train, val, test, all."""
    lines = [line[28:].split() for line in text.splitlines() if line[:28].strip() == name]
    return [[int(cell.replace(",", "")) for cell in line] for line in lines]


def test_summary_counts_studies_reports_images_and_views_by_split():
    text = summary(ROWS)
    assert cells(text, "studies") == [[2, 0, 1, 3]]
    assert cells(text, "with report") == [[1, 0, 1, 2]]
    assert cells(text, "images") == [[3, 0, 2, 5]]
    assert cells(text, "frontal + lateral") == [[1, 0, 0, 1]]
    assert cells(text, "frontal") == [[1, 0, 0, 1]]
    assert cells(text, "unknown + unknown") == [[0, 0, 1, 1]]


def test_summary_counts_positive_and_uncertain_apart():
    text = summary(ROWS)
    assert cells(text, "Edema") == [[1, 0, 0, 1], [0, 0, 1, 1]]
    assert text.index("labelled positive") < text.index("labelled uncertain")


def test_summary_leaves_out_labels_that_no_study_has():
    assert "labelled" not in summary(ROWS[:1])
    assert cells(summary([]), "studies") == [[0, 0, 0, 0]]
