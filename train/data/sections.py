"""Sections of a MIMIC-CXR report: headings in capitals at the start of a line, closed by a colon.

The rules, in plain words, are those with which the data set's authors prepared it for labelling
(MIT-LCP/mimic-cxr): the findings; where a report has neither findings nor impression, the
paragraph that follows its last heading's text; else the impression.
"""

import re

HEADING = re.compile(r"^[ \t]*([A-Z][A-Z ()/,&-]*[A-Z)]):", re.MULTILINE)
PARAGRAPH_BREAK = re.compile(r"\n[ \t]*\n")

# Headings of the reports -> our section name; a heading that is not listed keeps its own name.
SECTION_NAMES: dict[str, str] = {
    "FINDING": "findings",
    "FINDINGS": "findings",
    "FINDINGS AND IMPRESSION": "findings",
    "FINDINGS/IMPRESSION": "findings",
    "IMPRESSION": "impression",
    "IMPRESSIONS": "impression",
    "CONCLUSION": "impression",
    "PROVISIONAL FINDINGS IMPRESSION (PFI)": "impression",
    "INDICATION": "indication",
    "INDICATIONS": "indication",
    "CLINICAL INDICATION": "indication",
    "HISTORY": "indication",
    "CLINICAL HISTORY": "indication",
    "CLINICAL INFORMATION": "indication",
    "PATIENT HISTORY": "indication",
    "REASON FOR EXAM": "indication",
    "REASON FOR EXAMINATION": "indication",
    "REASON FOR THE EXAM": "indication",
    "REASON FOR THE EXAMINATION": "indication",
}


def report_sections(text: str) -> dict[str, str]:
    """Split a report into sections, line breaks within each replaced by single spaces.

    Keys: "findings", "impression", "indication", "last_paragraph" (only where there are neither
    findings nor impression), and other headings in lower case. Of a repeated heading the last text
    that is not empty counts, since an addendum or a final reading follows the first one.
    """
    headings = list(HEADING.finditer(text))
    ends = [heading.start() for heading in headings[1:]] + [len(text)]
    sections: dict[str, str] = {}
    for heading, end in zip(headings, ends, strict=False):
        body = _one_line(text[heading.end() : end])
        if body:
            sections[SECTION_NAMES.get(heading[1], heading[1].lower())] = body
    if "findings" not in sections and "impression" not in sections:
        last = _last_paragraph(text, headings[-1].end() if headings else None)
        sections |= {"last_paragraph": last} if last else {}
    return sections


def report_text(sections: dict[str, str]) -> str:
    """Return the text that counts as the report: findings, else last paragraph, else impression."""
    names = ("findings", "last_paragraph", "impression")
    return next((sections[name] for name in names if name in sections), "")


def _last_paragraph(text: str, last_heading: int | None) -> str:
    """Return what follows the first paragraph of the last section, or of a text without headings."""
    first, *others = PARAGRAPH_BREAK.split(text[last_heading or 0 :].strip("\n"))
    if not others and last_heading is None:
        return _one_line(first)
    return _one_line(" ".join(others))


def _one_line(text: str) -> str:
    return " ".join(text.split())
