"""The page's scores against the scorers of the test tables and against counts by hand."""

import pytest

from radui.scores import Corpus, CorpusError, bleu, cider_d, read_corpus, rouge_l, score_report

HYPOTHESIS = "the heart is normal in size . the lungs are clear ."
REFERENCE = "heart size normal . lungs are clear . no pneumothorax ."


@pytest.mark.parametrize(
    ("hypothesis", "reference"),
    [(HYPOTHESIS, REFERENCE), (REFERENCE, HYPOTHESIS), ("the heart .", REFERENCE), ("x y", REFERENCE)],
)
def test_bleu_is_that_of_the_captioning_scorer(hypothesis, reference):
    scorer = pytest.importorskip("pycocoevalcap.bleu.bleu_scorer").BleuScorer(n=4)
    scorer += (hypothesis, [reference])
    expected = scorer.compute_score()[0]
    assert bleu(hypothesis, reference) == pytest.approx(expected, abs=1e-3)


def test_rouge_l_is_that_of_the_captioning_scorer():
    scorer = pytest.importorskip("pycocoevalcap.rouge.rouge").Rouge()
    expected = scorer.calc_score([HYPOTHESIS], [REFERENCE])
    assert rouge_l(HYPOTHESIS.split(), REFERENCE.split()) == pytest.approx(expected)


def test_rouge_l_by_hand():
    # Longest common subsequence "a c": precision 2/3, recall 2/2.
    precision, recall, beta = 2 / 3, 1.0, 1.44
    expected = (1 + beta) * precision * recall / (recall + beta * precision)
    assert rouge_l(["a", "b", "c"], ["a", "c"]) == pytest.approx(expected)
    assert rouge_l([], ["a"]) == rouge_l(["a"], []) == 0


def test_findings_are_found_missing_and_added():
    scores = score_report(
        "The heart is enlarged. There is edema. No pneumothorax.",
        "Cardiomegaly. Small left pleural effusion. No pneumothorax.",
    )
    assert (scores.found, scores.missing, scores.added) == (
        ("Cardiomegaly",), ("Pleural Effusion",), ("Edema",)
    )  # fmt: skip
    assert scores.f1 == pytest.approx(0.5)


def test_two_normal_reports_have_no_finding_to_score():
    assert score_report("The lungs are clear.", "Normal chest.").f1 is None


def test_a_report_is_its_own_best_match():
    scores = score_report(REFERENCE, REFERENCE)
    assert scores.bleu == pytest.approx((1, 1, 1, 1))
    assert scores.rouge_l == pytest.approx(1)


def test_an_empty_report_scores_nothing():
    scores = score_report("", REFERENCE)
    assert scores.bleu[0] < 0.1
    assert scores.rouge_l < 0.2


CORPUS = [REFERENCE, "heart size normal .", "the lungs are clear . no effusion .", "the heart is large ."]


@pytest.mark.parametrize(
    "hypothesis", [HYPOTHESIS, REFERENCE, "the heart .", "x", "no effusion . no effusion .", ""]
)
def test_cider_is_that_of_the_captioning_scorer(hypothesis):
    scorer = pytest.importorskip("pycocoevalcap.cider.cider_scorer").CiderScorer()
    scorer += (hypothesis, [REFERENCE])
    for report in CORPUS[1:]:
        scorer += (report, [report])
    expected = scorer.compute_score()[1][0]
    corpus = Corpus("four reports", CORPUS)
    assert cider_d(hypothesis.split(), REFERENCE.split(), corpus) == pytest.approx(expected, abs=1e-9)


def test_cider_needs_a_corpus():
    assert score_report("Heart normal.", "Heart large.").cider is None
    assert score_report("Heart large.", "Heart large.", Corpus("four", CORPUS)).cider > 0


def test_a_corpus_is_read_from_an_annotation_or_from_lines(tmp_path):
    annotation = tmp_path / "annotation.json"
    annotation.write_text('{"train": [{"report": "Heart large."}, {"report": "Clear."}], "test": [{}]}')
    lines = tmp_path / "reports.txt"
    lines.write_text("Heart large.\n\nClear.\n")
    one, other = read_corpus(annotation), read_corpus(lines)
    assert (one.size, one.name) == (2, "annotation.json")
    assert one.holding == other.holding
    assert one.holding["heart", "large"] == 1


@pytest.mark.parametrize("text", ["", "{}", '{"train": [{"report": "one"}]}', '{"train": [3]}', "[]"])
def test_what_is_no_corpus_is_refused_with_a_sentence(tmp_path, text):
    path = tmp_path / "reports.json"
    path.write_text(text)
    with pytest.raises(CorpusError, match=r"reports\.json"):
        read_corpus(path)
    with pytest.raises(CorpusError, match="cannot be read"):
        read_corpus(tmp_path / "missing.txt")
