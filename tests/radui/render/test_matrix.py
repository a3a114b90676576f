import re

import pytest

from radui.observations import OBSERVATIONS, State
from radui.records import Finding
from radui.render.matrix import disagreement, matrix_html

ENLARGED = "The heart is enlarged."
NORMAL = "Heart size is normal. The lungs are clear."


def rows(html: str) -> dict[str, tuple[str, list[str]]]:
    """Observation -> (how far apart, states of the cells)."""
    found = re.findall(r'<tr data-observation="(\d+)" data-apart="(\w*)">(.*?)</tr>', html)
    return {
        OBSERVATIONS[int(i)]: (apart, re.findall(r'<td data-state="(\w+)"', row)) for i, apart, row in found
    }


def test_a_column_a_report_and_a_row_an_observation():
    table = rows(matrix_html({"A": ENLARGED, "B": NORMAL, "C": None}))
    assert list(table) == list(OBSERVATIONS)
    assert table["Cardiomegaly"] == ("contradiction", ["positive", "negative", "none"])
    assert table["Lung Opacity"] == ("", ["unmentioned", "negative", "none"])
    assert table["Edema"] == ("", ["unmentioned", "unmentioned", "none"])


def test_the_reference_is_a_column_only_when_there_is_one():
    assert "Reference" not in matrix_html({"A": ENLARGED}, reference=" ")
    table = rows(matrix_html({"A": ENLARGED}, reference="Small left pleural effusion."))
    assert table["Pleural Effusion"] == ("omission", ["unmentioned", "positive"])


def test_the_classifier_has_the_last_column():
    finding = Finding("Edema", State.POSITIVE, (0.1, 0.5, 0.1, 0.3))
    html = matrix_html({"A": ENLARGED}, [finding])
    assert re.findall(r"<b>([^<]+)</b></td></tr>", html) == [
        "0.80" if name == "Edema" else "–" for name in OBSERVATIONS
    ]


def test_before_any_report_the_table_has_its_rows_already():
    assert len(rows(matrix_html({"A": None, "B": None}))) == len(OBSERVATIONS)


def test_titles_are_escaped():
    assert "<b>A" not in matrix_html({"<b>A": None})


@pytest.mark.parametrize(
    ("states", "apart"),
    [
        ([State.POSITIVE, State.UNCERTAIN], ""),
        ([State.NEGATIVE, State.UNMENTIONED], ""),
        ([State.UNCERTAIN, State.NEGATIVE], "contradiction"),
        ([State.POSITIVE, State.UNMENTIONED], "omission"),
        ([State.POSITIVE, State.UNMENTIONED, State.NEGATIVE], "contradiction"),
        ([], ""),
    ],
)
def test_reports_are_apart_where_only_some_state_a_finding(states, apart):
    assert disagreement(states) == apart
