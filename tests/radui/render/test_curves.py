import re

import numpy as np

from radui.explain.faithfulness import Agreement, Curve
from radui.render.curves import agreement_html, curves_html
from radui.render.scores import scores_html
from radui.scores import score_report


def curve(*scores: float) -> Curve:
    return Curve(np.linspace(0, 1, len(scores), dtype=np.float32), np.array(scores, np.float32))


def test_a_whole_curve_has_its_area_and_a_growing_one_waits():
    html = curves_html("Deletion", {"this map": curve(1, 0.5, 0), "random": curve(1, 1)}, steps=2)
    assert re.findall(r"<b>([^<]+)</b>", html) == ["0.500", "…"]


def test_the_line_runs_from_corner_to_corner():
    points = re.search(r'points="([^"]+)"', curves_html("Deletion", {"this map": curve(1, 0)}, steps=1))[1]
    assert points == "34.0,8.0 292.0,146.0"


def test_a_curve_of_zeros_lies_on_the_ground():
    points = re.search(r'points="([^"]+)"', curves_html("Insertion", {"a": curve(0, 0)}, steps=1))[1]
    assert {point.split(",")[1] for point in points.split()} == {"146.0"}


def test_an_undefined_contrast_is_a_dash():
    html = agreement_html({"this map": Agreement(True, 0.5, 1.25), "flat": Agreement(False, 0, float("nan"))})
    assert html.count("<table") == html.count("</table>") == 1
    cells = re.findall(r"<td>([^<]*)</td>", html)
    assert cells == ["hit", "0.50", "+1.25", "miss", "0.00", "–"]


def test_scores_are_a_row_a_system_and_nothing_without_any():
    html = scores_html({"A": score_report("The heart is enlarged.", "Cardiomegaly. Edema.")})
    assert html.count('scope="row"') == 1
    assert '<td class="rd-wrong">Edema</td>' in html
    assert scores_html({}) == ""
