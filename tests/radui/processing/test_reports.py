import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radui.processing.reports import Span, assemble, clean, display, sentences, words

ANNOTATION = Path(__file__).parents[3] / "../shared/data/iu_xray/annotation.json"

generated = st.lists(
    st.sampled_from(["the", "heart", "is", ".", "xxxx", "<unk>", "t12", "ct", "2", "air-space", "ärzte"]),
    max_size=30,
)


@pytest.mark.parametrize(
    ("report", "cleaned"),
    [
        ("The heart is big. Lungs are clear.", "the heart is big . lungs are clear ."),
        ("No effusion", "no effusion ."),
        ("1. Big heart. 2. Clear lungs. 3. No mass.", "big heart . clear lungs . no mass ."),
        ("Left base: scar, 2.5 cm (old); AIR-SPACE <normal>.", "left base scar 25 cm old air-space normal ."),
        ('The "nodule"/mass isn\'t new.', "the nodulemass isnt new ."),
        ("Heart big.. Lungs clear... ", "heart big . lungs clear ."),
        ("Heart big. . Lungs clear.", "heart big .  . lungs clear ."),
        ("Lungs\nare  clear.\r\nNo effusion.", "lungs are clear . no effusion ."),
        ("", " ."),
        ("XXXX noted.", "xxxx noted ."),
    ],
)
def test_cleaning_follows_the_protocol(report: str, cleaned: str) -> None:
    assert clean(report) == cleaned


def test_cleaning_deletes_the_range_but_keeps_the_hyphen() -> None:
    assert clean("a;b<c=d>e?f@g:h[i]j{k}l_m+n&o^p%q*r!s-t\\u") == "abcdefghijklmnopqrs-tu ."


@given(st.text(max_size=200))
def test_cleaning_again_changes_no_word(report: str) -> None:
    cleaned = clean(report).split()
    assert cleaned[-1] == "."
    assert not any(capital in word for word in cleaned for capital in "ABCXYZ:;?")


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        ("A 2.5 cm nodule. No effusion.", ["A 2.5 cm nodule.", "No effusion."]),
        ("Seen by Dr. J. Smith at noon. Clear.", ["Seen by Dr. J. Smith at noon.", "Clear."]),
        ("Devices, e.g. a line. None.", ["Devices, e.g. a line.", "None."]),
        (
            "Film of 5 a.m. today. Next at 6 p.m. Clear.",
            ["Film of 5 a.m. today.", "Next at 6 p.m.", "Clear."],
        ),
        ("1. Big heart. 2. Clear.", ["1. Big heart.", "2. Clear."]),
        ("Compared with XXXX. Clear.", ["Compared with XXXX.", "Clear."]),
        ("Fracture of T12. Clear lungs.Big heart.", ["Fracture of T12.", "Clear lungs.", "Big heart."]),
        ("Really? Yes! Clear", ["Really?", "Yes!", "Clear"]),
        ("FINDINGS\n\nThe heart\nis big.", ["FINDINGS", "The heart\nis big."]),
        ("the heart is big . . lungs clear .", ["the heart is big .", "lungs clear ."]),
        ("Сердце большое. Лёгкие чистые.", ["Сердце большое.", "Лёгкие чистые."]),
        (" . ", []),
        ("", []),
    ],
)
def test_sentences(report: str, expected: list[str]) -> None:
    assert [span.text for span in sentences(report)] == expected


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        (
            "A 2.5 cm air-space opacity, e.g. XXXX.",
            ["A", "2.5", "cm", "air-space", "opacity", "e.g.", "XXXX"],
        ),
        ("the patient's <unk> [redacted] .", ["the", "patient's", "<unk>", "[redacted]"]),
        ("10% on 3/4 of T8-T9", ["10", "on", "3/4", "of", "T8-T9"]),
        ("", []),
    ],
)
def test_words(report: str, expected: list[str]) -> None:
    assert [span.text for span in words(report)] == expected


@given(st.text(alphabet="aB. \n1,!é[x]-'", max_size=80))
def test_offsets_point_at_the_text_in_order(report: str) -> None:
    for spans in (sentences(report), words(report)):
        assert all(report[span.start : span.end] == span.text for span in spans)
        assert all(before.end <= after.start for before, after in pairwise(spans))


def test_sentences_lose_no_word() -> None:
    report = "1. Mild edema, i.e. congestion. See Dr. A. B. Lee. No mass! 2) 3.5 cm cyst"
    assert [w.text for s in sentences(report) for w in words(s.text)] == [w.text for w in words(report)]


def test_a_span_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Span("a", 0, 1).start = 2  # type: ignore[misc]


def test_display_reads_as_a_report() -> None:
    shown = display("the heart is big . ct of t12 by xxxx . picc line seen . xxxx <unk>")
    assert shown == "The heart is big. CT of T12 by [redacted]. PICC line seen. [redacted] [unknown]"


def test_display_of_nothing_is_nothing() -> None:
    assert display("") == ""
    assert assemble([]) == ("", [])


@given(generated)
def test_tokens_point_at_themselves(tokens: list[str]) -> None:
    report, offsets = assemble(tokens)
    assert len(offsets) == len(tokens)
    shown = [report[start:end] for start, end in offsets]
    special = {"xxxx": "[redacted]", "<unk>": "[unknown]"}
    assert [text.lower() for text in shown] == [special.get(token, token) for token in tokens]
    assert "".join(shown) == report.replace(" ", "")


@given(generated)
def test_streaming_only_appends(tokens: list[str]) -> None:
    whole, offsets = assemble(tokens)
    for count in range(len(tokens)):
        part, part_offsets = assemble(tokens[:count])
        assert whole.startswith(part)
        assert offsets[:count] == part_offsets


@pytest.mark.parametrize("piece", ["!a", ".", "1.", "dr. ", "\n ", ".)", "a-", "a.", "9", "no effusion "])
def test_long_runs_are_read(piece: str) -> None:
    report = piece * (100_000 // len(piece))
    assert all(report[span.start : span.end] == span.text for span in sentences(report))
    assert words(report) or piece in (".", "\n ", ".)")
    assert clean(report).endswith(" .")


@pytest.mark.skipif(not ANNOTATION.is_file(), reason="IU X-Ray is not at ../shared/data/iu_xray")
def test_iu_xray_reports_are_cleaned_as_published() -> None:
    studies = json.loads(ANNOTATION.read_text(encoding="utf-8"))
    cleaned = {split: [clean(study["report"]).split() for study in studies[split]] for split in studies}
    assert len({word for report in cleaned["train"] for word in report}) == 1501
    assert sum(". ." in " ".join(report) for split in cleaned.values() for report in split) == 11
