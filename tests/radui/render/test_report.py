import re

import pytest

from radui.observations import OBSERVATIONS, State
from radui.records import Finding, Prediction, Token
from radui.render.report import Phase, card_html, findings_html, words_html

REPORT = "Heart <large> & round."
TOKENS = (Token("Heart", 0, 5, 0.9), Token("<large>", 6, 13, 0.2), Token("round", 16, 21, 0.8))


def text_of(html: str) -> str:
    return re.sub(r"<[^>]+>", "", html).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def test_words_keep_the_text_and_escape_it():
    html = words_html(REPORT, TOKENS, clickable=True)
    assert text_of(html) == REPORT
    assert "<large>" not in html
    assert html.count("<span") == 3


def test_one_word_is_in_the_tab_order_and_unsure_ones_are_marked():
    html = words_html(REPORT, TOKENS, clickable=True)
    assert re.findall(r'tabindex="(-?\d)"', html) == ["0", "-1", "-1"]
    assert html.count("rd-unsure") == 1
    assert "role=" not in words_html(REPORT, TOKENS, clickable=False)


def test_findings_stand_in_canonical_order_whatever_order_they_come_in():
    edema = Finding("Edema", State.UNCERTAIN, (0.1, 0.2, 0.3, 0.4))
    cardiomegaly = Finding("Cardiomegaly", State.POSITIVE, (0.1, 0.7, 0.1, 0.1))
    html = findings_html([edema, cardiomegaly])
    names = re.findall(r'rd-name">([^<]+)<', html)
    assert names == list(OBSERVATIONS)
    numbers = dict(zip(names, re.findall(r'rd-number">([^<]+)<', html), strict=True))
    assert (numbers["Cardiomegaly"], numbers["Edema"], numbers["Fracture"]) == ("0.80", "0.60", "–")


@pytest.mark.parametrize("phase", list(Phase))
def test_a_card_has_its_14_rows_in_every_phase(phase):
    html = card_html("System", phase, problem="It broke; mend it.")
    assert html.count('class="rd-finding"') == len(OBSERVATIONS)
    assert f'data-phase="{phase}"' in html


def test_a_failed_card_says_why_and_a_done_one_how_long():
    assert "a &lt;b&gt; failed." in card_html("System", Phase.FAILED, problem="a <b> failed.")
    done = Prediction("system", REPORT, TOKENS, seconds=3.21, complete=True)
    html = card_html("System", Phase.DONE, done)
    assert "3.2 s" in html
    assert "no map" in html
