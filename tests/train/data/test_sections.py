import pytest

from train.data.sections import report_sections, report_text

FULL = """                                 FINAL REPORT
 EXAMINATION:  CHEST (PA AND LAT)

 INDICATION:  Woman with cough  // pneumonia?

 COMPARISON:  None.

 FINDINGS:

 The heart is of normal
 size.  Note: the film is dark.

 No fluid is seen.

 IMPRESSION:

 Healthy chest.
"""


def test_splits_at_headings_and_joins_wrapped_lines():
    sections = report_sections(FULL)
    assert sections["findings"] == "The heart is of normal size. Note: the film is dark. No fluid is seen."
    assert sections["impression"] == "Healthy chest."
    assert sections["indication"] == "Woman with cough // pneumonia?"
    assert sections["examination"] == "CHEST (PA AND LAT)"
    assert "last_paragraph" not in sections
    assert report_text(sections) == sections["findings"]


@pytest.mark.parametrize("heading", ["HISTORY", "CLINICAL HISTORY", "REASON FOR EXAM", "INDICATION"])
def test_knows_the_headings_of_the_indication(heading):
    assert report_sections(f" {heading}: Fever.\n FINDINGS: Clear.\n")["indication"] == "Fever."


def test_impression_counts_where_there_are_no_findings():
    sections = report_sections(" HISTORY: Fever.\n\n IMPRESSION: Nothing new.\n")
    assert report_text(sections) == "Nothing new."


def test_last_paragraph_counts_where_there_are_neither():
    text = " COMPARISON:  Film of last week.\n \n The line was\n withdrawn. \n"
    sections = report_sections(text)
    assert sections["comparison"].startswith("Film of last week.")
    assert report_text(sections) == "The line was withdrawn."


def test_a_text_without_headings_counts_as_a_whole_or_after_its_title():
    assert report_text(report_sections("The lungs are dark.")) == "The lungs are dark."
    assert report_text(report_sections("Portable chest\n \n The lungs\n are dark.")) == "The lungs are dark."


def test_a_heading_alone_is_no_report():
    assert report_text(report_sections(" COMPARISON: None.\n")) == ""
    assert report_text(report_sections("")) == ""


def test_an_addendum_replaces_and_an_empty_section_does_not():
    text = " FINDINGS: First reading.\n FINDINGS: Second reading.\n FINDINGS:\n IMPRESSION: Fine.\n"
    assert report_sections(text)["findings"] == "Second reading."
