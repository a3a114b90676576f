import pytest

from radui.observations import State
from radui.records import Finding, GateVerdict, SystemStatus
from radui.ui.questions import gate_question, label_choices, predicted_labels, runnable, untrained_html


def verdict(chest: float) -> GateVerdict:
    return GateVerdict(chest, chest > 0.5, "frontal", 0.9)


@pytest.mark.parametrize(
    ("chances", "start"),
    [
        ([0.9], ""),
        ([0.9, 0.8], ""),
        ([0.1], "This does not look like a chest radiograph (probability 0.10)."),
        ([0.9, 0.2], "The second picture does not look like a chest radiograph (probability 0.20)."),
        ([0.1, 0.2], "These do not look like chest radiographs (probabilities 0.10 and 0.20)."),
    ],
)
def test_the_question_names_the_picture_and_its_probability(chances, start):
    question = gate_question([verdict(chance) for chance in chances])
    assert question == (f"{start} Report anyway?" if start else "")


def test_positive_and_uncertain_observations_are_ticked():
    findings = [
        Finding(name, state, (0.25, 0.25, 0.25, 0.25))
        for name, state in zip(("Edema", "Fracture", "Pneumonia", "Cardiomegaly"), State, strict=True)
    ]
    assert predicted_labels(findings) == ["Fracture", "Cardiomegaly"]
    assert label_choices(findings)[0] == ("Edema  0.50", "Edema")


def test_what_cannot_run_shows_its_command_and_no_markup_of_its_own():
    statuses = [
        SystemStatus("a", "A"),
        SystemStatus("b", "B", "Not <trained>; run `python -m train.b`."),
    ]
    assert runnable(statuses) == [("A", "a")]
    html = untrained_html(statuses)
    assert "<code>python -m train.b</code>" in html
    assert "&lt;trained&gt;" in html
    assert untrained_html(statuses[:1]) == ""
