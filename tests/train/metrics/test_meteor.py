import shutil
import sys

import numpy as np
import pytest

from train.metrics.bootstrap import resample_weights, score_tally
from train.metrics.meteor import Meteor
from train.metrics.records import Cases, MetricUnavailableError
from train.metrics.scoring import score_reports

needs_java = pytest.mark.skipif(shutil.which("java") is None, reason="METEOR needs Java")

REFERENCES = ("the heart is normal in size .", "no pleural effusion is seen .", "lungs are clear .", "a b .")
HYPOTHESES = ("the heart is normal in size .", "there is no effusion .", "the lungs were cleared .", "")


@pytest.fixture(scope="module")
def meteor():
    with Meteor(timeout=300) as scorer:
        yield scorer
        process = scorer._process
    assert process is None or process.poll() is not None, "the Java process outlived its context"


def fake_java(folder, script):
    path = folder / "java"
    path.write_text(f"#!{sys.executable}\n{script}\n")
    path.chmod(0o755)
    return str(path)


def cases(hypotheses, references):
    return Cases(tuple(hypotheses), tuple(references), tuple(references))


def value(meteor, hypotheses, references):
    return score_tally(meteor.tally(cases(hypotheses, references)), None)["METEOR"].value


@needs_java
def test_identical_texts_score_highest(meteor):
    same = value(meteor, REFERENCES[:1], REFERENCES[:1])
    near = value(meteor, ["the heart size is normal ."], REFERENCES[:1])
    other = value(meteor, ["a broken rib"], REFERENCES[:1])
    assert same == pytest.approx(1)
    assert same > near > other >= 0


@needs_java
def test_the_value_from_sums_is_the_aggregate_of_the_jar(meteor):
    hypotheses = [text or "." for text in HYPOTHESES]
    scored = [f"SCORE ||| {r} ||| {h}" for h, r in zip(hypotheses, REFERENCES, strict=True)]
    statistics = meteor._ask(scored)
    aggregate = meteor._ask(["EVAL ||| " + " ||| ".join(statistics)], answers=len(scored) + 1)[-1]
    assert value(meteor, hypotheses, REFERENCES) == pytest.approx(float(aggregate))


@needs_java
def test_intervals_and_awkward_texts(meteor):
    hypotheses = ("a ||| b", "", "é <unk> xxxx", "lungs  are   clear .") * 5
    scores = score_reports(hypotheses, REFERENCES * 5, REFERENCES * 5, [meteor.metric], resamples=50)
    score = scores.values["METEOR"]
    assert np.isfinite([score.low, score.value, score.high]).all()
    assert score.low <= score.value <= score.high


def test_without_java_it_is_unavailable_with_the_reason():
    scores = score_reports(["a"], ["a"], ["a"], [Meteor(java="no-such-java").metric])
    assert "needs Java" in scores.unavailable()["METEOR"]


def test_a_java_that_fails_gives_its_last_words(tmp_path):
    java = fake_java(tmp_path, "import sys; sys.stderr.write('No runtime here'); sys.exit(1)")
    with Meteor(java=java) as scorer, pytest.raises(MetricUnavailableError, match="No runtime here"):
        scorer.tally(cases(["a"], ["a"]))


def test_a_java_that_hangs_is_ended_and_not_started_again(tmp_path):
    java = fake_java(tmp_path, f"open({str(tmp_path / 'starts')!r}, 'a').write('x'); input(); input()")
    with Meteor(java=java, timeout=1.0) as scorer:
        for _ in range(2):
            with pytest.raises(MetricUnavailableError, match="longer than 1 s"):
                scorer.tally(cases(["a"], ["a"]))
        assert scorer._process is None
    assert (tmp_path / "starts").read_text() == "x"


def test_closing_before_the_first_use_is_harmless():
    scorer = Meteor()
    scorer.close()
    scorer.close()
    assert resample_weights(3, 2).shape == (2, 3)
