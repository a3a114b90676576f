import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radui.store.blindness import leaks, normalise

NAMES = ("xpronet", "adamatch_cyclic", "AdaMatch-Cyclic")
STYLES = [
    "the heart is normal in size . no effusion . t8 is compressed by 2.5 cm .",
    "FINDINGS: The heart is normal in size. No effusion.\n\nIMPRESSION: T8 is compressed by 2.5 cm",
    "**Findings:**\n1. The heart is normal in size\n2. No effusion\n3. T8 is compressed by 2.5 cm",
    "REPORT: FINDINGS:  The heart is normal\nin size.  No effusion... T8 is compressed by 2.5 cm.",
    "- The heart is normal in size\n- No effusion\n- T8 is compressed by 2.5 cm",
]


@pytest.mark.parametrize("style", STYLES)
def test_one_report_in_five_styles_looks_the_same(style):
    assert normalise(style).text == "The heart is normal in size. No effusion. T8 is compressed by 2.5 cm."


@pytest.mark.parametrize("mark", ["xxxx", "XXXX", "[redacted]", "[unknown]", "<unk>", "___"])
def test_each_sources_mark_for_missing_words_looks_the_same(mark):
    assert normalise(f"Compared with {mark}, stable.").text == "Compared with [redacted], stable."


def test_names_of_systems_are_taken_out_however_they_are_written():
    shown = normalise("XProNet and AdaMatch Cyclic agree.", NAMES)
    assert shown.text == "[redacted] and [redacted] agree."
    assert "system names" in shown.changes
    assert leaks("written by Ada-match", NAMES) == ()
    assert leaks("ADAMATCH-CYCLIC wrote", NAMES) == ("adamatch_cyclic", "AdaMatch-Cyclic")


def test_what_was_changed_is_told_and_what_is_normal_is_left():
    assert normalise("The lungs are clear.").changes == ()
    changes = normalise("FINDINGS: the lungs are clear .").changes
    assert changes == ("section headers", "punctuation", "letter case")
    assert normalise("").text == ""


@settings(max_examples=60, deadline=None)
@given(st.text(st.sampled_from('aT8 .,:;-*#_x1\n[]<>FINDINGS"“—'), max_size=60))
def test_a_normal_text_stays_as_it_is_and_shows_no_layout(text):
    once = normalise(text, NAMES).text
    assert normalise(once, NAMES).text == once
    assert "\n" not in once
    assert "  " not in once
    assert not re.search(r"\s[.,]", once)
