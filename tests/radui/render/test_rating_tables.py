"""Tables and figures of a reading study, from numbers made by hand."""

import re

import numpy as np
import pytest

from radui.render.rating_figures import figures_png, figures_svg
from radui.render.rating_tables import metrics_html, results_html
from radui.statistics.intervals import Estimate
from radui.statistics.preference import PositionBias, WinMatrix
from radui.statistics.results import MEANS, Agreement, StudyResults
from radui.store.answers import CATEGORIES, SUPPORT

TITLES = {"one": "System <One>"}
NOBODY = Estimate(None, note="Nobody has rated this yet.")
SURE = Estimate(0.5, 0.25, 0.75, 8)
CASES = [
    {"case_name": "0001", "reader_name": "ann", "submitted": 2, "assigned": 2, "reasons": None},
    {"case_name": "0001", "reader_name": "ben", "submitted": 0, "assigned": 1, "reasons": "<dark>"},
]


def results(**fields):
    systems = ("one", "reference")
    counts = {(category, flag): SURE for category in ("all", *CATEGORIES) for flag in (True, False)}
    given = {
        "progress": [
            {"reader_name": "ann", "assigned": 4, "submitted": 2, "skipped": 1, "active_seconds": 360.0}
        ],
        "errors": dict.fromkeys(systems, counts),
        "acceptability": {
            system: {"mean": Estimate(4.25, 4, 4.5, 8), "standard": SURE, "stringent": SURE}
            for system in systems
        },
        "means": {system: {**dict.fromkeys(MEANS, SURE), "worst_severity": NOBODY} for system in systems},
        "support": {"one": dict.fromkeys(SUPPORT, SURE)},
        "pictures": {"one": {"realism": Estimate(3.5, n=2), "agreement": SURE}},
        "wins": WinMatrix(systems, np.array([[0, 2.5], [1.5, 0]])),
        "strengths": dict.fromkeys(systems, Estimate(None, n=4, note="Strengths have no bound.")),
        "position": PositionBias(SURE, 0.5),
        "both_unacceptable": 1,
        "agreement": [
            Agreement(
                "acceptability", "ordinal", SURE, SURE, {("ann", "ben"): {"cohen": SURE, "pabak": SURE}}, {}
            )
        ],
    }
    return StudyResults(**{**given, **fields})


@pytest.fixture
def html():
    return results_html(results(), TITLES, CASES, {})


def text(html):
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def test_numbers_stand_with_interval_and_n(html):
    shown = text(html)
    assert "System &lt;One&gt; 8 4.25 4.00 to 4.50 50 % 25 % to 75 %" in shown
    assert "ann 2 of 4 1 2.0" in shown  # six minutes for three cases
    assert "Acceptability ordinal 0.50 0.25 to 0.75 8 0.50 0.25 to 0.75 8" in shown
    assert "Acceptability ann and ben 0.50 0.25 to 0.75 0.50 0.25 to 0.75 8" in shown
    assert "0001 2 of 2 0 of 1, skipped: &lt;dark&gt;" in shown
    assert "Yes Partly No Cannot judge System &lt;One&gt; 8 50 %" in shown


def test_only_what_was_asked_is_a_column(html):
    assert "Realism of its picture" in html
    assert "RADPEER 1, concur" in html
    assert "Worst error" not in html
    assert "second reading" not in html


def test_what_is_said_of_several_numbers_stands_once_under_the_table():
    unsure = Estimate(0.5, 0.25, 0.75, 2, note="Only 2 cases.")
    shown = text(metrics_html({"BLEU-4": unsure, "ROUGE-L": unsure, "F1": SURE}))
    assert shown.count("Only 2 cases.") == 1
    assert "BLEU-4 0.50 1 0.25 to 0.75 2 ROUGE-L 0.50 1 0.25 to 0.75 2 F1 0.50 0.25" in shown


def test_systems_stand_best_first(html):
    ranked = results(strengths={"reference": SURE, "one": SURE})
    shown = text(results_html(ranked, TITLES, CASES, {}))
    assert "Reference report – 1.5 System &lt;One&gt; 2.5 –" in shown
    assert "Clinically Reference report n 8 System &lt;One&gt; n 8" in shown


def test_titles_are_escaped(html):
    assert "<One>" not in html


def test_a_value_that_is_undefined_is_a_sentence(html):
    assert text(html).count("Strengths have no bound. 4") == 2


def test_the_reference_has_a_name_of_its_own(html):
    assert "Reference report – 2.5" not in text(html)
    assert "System &lt;One&gt; – 2.5 Reference report 1.5 –" in text(html)


def test_a_study_without_ratings_says_so():
    empty = results(
        errors={},
        acceptability={},
        means={},
        support={},
        pictures={},
        strengths={},
        wins=WinMatrix((), np.zeros((0, 0))),
        agreement=[],
    )
    assert text(results_html(empty, TITLES, [], {})).count("No ratings yet.") == 7
    assert figures_svg(empty, TITLES) == {}


def test_metrics_are_left_out_without_a_reference():
    assert metrics_html({}) == ""
    assert "BLEU-4 0.50 0.25 to 0.75 8" in text(metrics_html({"BLEU-4": SURE}))


def test_figures_come_where_there_are_numbers_and_take_the_colour_of_the_text():
    found = figures_svg(results(), TITLES)
    assert list(found) == ["Wins of the row against the column", "Acceptability, 1 to 5", "Errors a report"]
    assert all(svg.startswith("<svg") and "currentColor" in svg for svg in found.values())
    bounded = dict.fromkeys(("one", "reference"), SURE)
    assert "Bradley-Terry log-strength" in figures_svg(results(strengths=bounded), TITLES)


def test_figures_for_a_paper_are_pictures_on_white():
    (first, *_) = figures_png(results(), TITLES, dpi=40).values()
    assert first[:8] == b"\x89PNG\r\n\x1a\n"
