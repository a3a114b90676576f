import re

import numpy as np
import pytest

from radui.observations import State
from radui.records import Evidence, Finding, Frame, Prediction, Token, WordMaps
from radui.render.report import Phase, card_html, words_html

REPORT = "Heart <large> & round."
TOKENS = (Token("Heart", 0, 5, 0.9), Token("<large>", 6, 13, 0.2), Token("round", 16, 21, 0.8))
LUNGS = "The heart is enlarged. No effusion."
MAPS = WordMaps(np.ones((6, 1, 1, 1, 2, 2), np.float32), (Frame((4, 4), (4, 4), (1, 1), (0, 0)),))


def words_of(report: str) -> tuple[Token, ...]:
    return tuple(Token(m.group(), *m.span(), 0.9) for m in re.finditer(r"\w+", report))


def done(report: str, findings=(), maps=MAPS) -> str:
    prediction = Prediction("x", report, words_of(report), findings, Evidence(maps), 3.21, complete=True)
    return card_html("System", Phase.DONE, prediction)


def text_of(html: str) -> str:
    return re.sub(r"<[^>]+>", "", html).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def report_of(html: str) -> str:
    return text_of(re.search(r'<p class="rd-text".*?</p>', html, re.S)[0])


def test_words_keep_the_text_and_escape_it():
    html = words_html(REPORT, TOKENS, clickable=True)
    assert text_of(html) == REPORT
    assert "<large>" not in html
    assert html.count("<span") == 3


def test_a_part_of_a_report_has_its_own_words_alone():
    html = words_html(REPORT, TOKENS, clickable=True, start=6, end=len(REPORT))
    assert text_of(html) == "<large> & round."
    assert re.findall(r'data-token="(\d)"', html) == ["1", "2"]


def test_one_word_is_in_the_tab_order_and_unsure_ones_are_marked():
    html = words_html(REPORT, TOKENS, clickable=True)
    assert re.findall(r'tabindex="(-?\d)"', html) == ["0", "-1", "-1"]
    assert html.count("rd-unsure") == 1
    assert "role=" not in words_html(REPORT, TOKENS, clickable=False)


@pytest.mark.parametrize(
    "report", [LUNGS, " Odd  spaces . here", "No end", "Tail. ...", "1. One.\n\n2. Two <b>."]
)
def test_a_card_shows_the_report_to_the_letter(report):
    assert report_of(done(report)) == report


@pytest.mark.parametrize("report", [LUNGS, LUNGS[:15], "No end"])
def test_what_is_being_written_has_the_text_and_the_numbers_of_the_end(report):
    html = card_html("System", Phase.WRITING, Prediction("x", report, ()))
    assert report_of(html) == report
    assert html.count('data-number="') == done(report).count('data-number="')


def test_a_sentence_knows_its_words_and_observations():
    marks = re.findall(r'role="button" tabindex="0" class="rd-mark"[^>]*>', done(LUNGS))
    assert [re.search(r'data-tokens="([\d ]*)"', mark)[1] for mark in marks] == ["0 1 2 3", "4 5"]
    assert [re.search(r'data-observations="([\d ]*)"', mark)[1] for mark in marks] == ["1", "9"]
    assert "Sentence 1: Cardiomegaly positive" in marks[0]


def test_statements_stand_present_first_and_say_where_the_classifier_differs():
    findings = (
        Finding("Cardiomegaly", State.POSITIVE, (0.1, 0.7, 0.1, 0.1)),
        Finding("Pleural Effusion", State.UNCERTAIN, (0.1, 0.2, 0.3, 0.4)),
    )
    html = done(LUNGS, findings)
    chips = re.findall(r'data-state="(\w+)" title="([^:]+):.*?<b data-apart="(\w+)">([\d.]+)</b>', html)
    assert chips == [
        ("positive", "Cardiomegaly", "false", "0.80"),
        ("negative", "Pleural Effusion", "true", "0.60"),
    ]


@pytest.mark.parametrize("phase", list(Phase))
def test_a_card_has_the_same_parts_in_every_phase(phase):
    html = card_html("System", phase, problem="It broke; mend it.")
    parts = re.findall(r'class="(rd-report|rd-stance|rd-stated)"', html)
    assert parts == ["rd-report", "rd-stance", "rd-stated"]
    assert f'data-phase="{phase}"' in html


def test_a_failed_card_says_why_and_a_done_one_how_long():
    assert "a &lt;b&gt; failed." in card_html("System", Phase.FAILED, problem="a <b> failed.")
    assert "3.2 s" in done(LUNGS)


def test_without_any_map_no_word_can_be_clicked_and_the_card_says_so():
    html = done(LUNGS, maps=None)
    assert "no map" in html
    assert 'class="rd-word" data-token="0" title="probability 0.90">' in html
