import pytest

from train.metrics.published import PUBLISHED
from train.metrics.records import Score, Scores, Unavailable
from train.metrics.table import (
    COLUMNS,
    align,
    clinical_table,
    format_value,
    published_row,
    score_table,
    seeds_row,
    system_row,
)


def run(bleu, meteor=0.2):
    return Scores(
        9,
        {
            "BLEU-4": Score(bleu, bleu - 0.01, bleu + 0.03),
            "METEOR": Score(meteor) if meteor else Unavailable("no Java"),
            "distinct reports": Score(7.0),
            "mean length": Score(31.25),
            "Edema F1": Score(0.5, 0.25, 0.75),
            "Edema studies": Score(12.0),
        },
    )


def cell(text, row, column):
    titles = [t.strip() for t in text.splitlines()[0].strip("|").split("|")]
    line = next(line for line in text.splitlines() if line.startswith(f"| {row} "))
    return [t.strip() for t in line.strip("|").split("|")][titles.index(column)]


@pytest.mark.parametrize(
    ("metric", "value", "text"),
    [
        ("BLEU-4", 0.1994, ".199"),
        ("BLEU-4", 1.0, "1.000"),
        ("CIDEr", 10.0, "10.000"),
        ("distinct reports", 212.0, "212"),
        ("mean length", 31.25, "31.2"),
        ("Edema studies", 12.0, "12"),
    ],
)
def test_values_are_short(metric, value, text):
    assert format_value(metric, value) == text


def test_plain_columns_line_up_and_spreads_stand_below():
    text = score_table([system_row("ours", run(0.19)), *map(published_row, PUBLISHED)])
    header, ruler, ours, spread, *papers = text.splitlines()
    end = header.index("BLEU-4") + len("BLEU-4")
    assert ours[end - 4 : end] == ".190"
    assert spread[end - 5 : end] == "±.020"
    assert papers[0][end - 4 : end] == ".199"
    assert len(ruler) == len(header)
    assert len(papers) == len(PUBLISHED)


def test_markdown_has_one_line_a_system_with_its_spread():
    text = score_table([system_row("ours", run(0.19)), published_row(PUBLISHED[0])], markdown=True)
    assert cell(text, "ours", "BLEU-4") == ".190 ±.020"
    assert cell(text, "XProNet (paper)", "CIDEr") == ".359"
    assert cell(text, "XProNet (paper)", "length") == "–"
    assert len(text.splitlines()) == 4


def test_an_unavailable_metric_is_marked_and_not_left_blank():
    text = score_table([system_row("ours", run(0.19, meteor=None))], markdown=True)
    assert cell(text, "ours", "METEOR") == "n/a"


def test_seeds_are_averaged_with_their_standard_deviation():
    text = score_table([seeds_row([run(0.18), run(0.20), run(0.22)])], markdown=True)
    assert cell(text, "mean of 3 checkpoints", "BLEU-4") == ".200 ±.020"
    half = score_table([seeds_row([run(0.18), run(0.20, meteor=None)])], markdown=True)
    assert cell(half, "mean of 2 checkpoints", "METEOR") == "n/a"


def test_the_clinical_table_shows_support_interval_and_other_systems():
    text = clinical_table(run(0.19), {"constant": run(0.1)}, markdown=True)
    assert cell(text, "Edema", "studies") == "12"
    assert cell(text, "Edema", "95 % interval") == ".250 to .750"
    assert cell(text, "Edema", "F1 constant") == ".500"
    assert cell(text, "Fracture", "F1") == "n/a"


def test_rows_of_another_length_are_refused():
    with pytest.raises(ValueError, match="argument"):
        align(["a", "b"], [["only one"]])


def test_published_figures_are_plausible_and_have_a_column():
    for paper in PUBLISHED:
        assert set(paper.values) <= set(COLUMNS)
        assert all(0 < value < 1 for value in paper.values.values())
        bleu = [paper.values[f"BLEU-{n}"] for n in range(1, 5) if f"BLEU-{n}" in paper.values]
        assert bleu == sorted(bleu, reverse=True)
