import importlib.util
import sys
import types

import pytest

from train.metrics.records import Score
from train.metrics.scoring import score_reports
from train.metrics.semantic import RADGRAPH, _radgraph_scorer, bertscore_metric

TEXTS = ["the heart is normal .", "no pleural effusion ."]


@pytest.fixture
def encoder(tmp_path):
    """A BERT with random weights and a vocabulary of its own, saved as a folder."""
    if importlib.util.find_spec("bert_score") is None:
        pytest.skip("bert-score is not installed")
    from transformers import BertConfig, BertModel, BertTokenizerFast

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *" ".join(TEXTS).split()]
    (tmp_path / "vocab.txt").write_text("\n".join(dict.fromkeys(words)))
    BertTokenizerFast(vocab_file=str(tmp_path / "vocab.txt"), model_max_length=32).save_pretrained(tmp_path)
    config = BertConfig(
        vocab_size=20, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16
    )
    BertModel(config).save_pretrained(tmp_path)
    return tmp_path


def reason(metric):
    return score_reports(TEXTS, TEXTS, TEXTS, [metric]).unavailable()[metric.names[0]]


def test_bertscore_by_an_encoder_folder(encoder):
    metric = bertscore_metric(encoder)
    same = score_reports(TEXTS, TEXTS, TEXTS, [metric], resamples=20).values["BERTScore"]
    other = score_reports(TEXTS[::-1], TEXTS, TEXTS, [metric], resamples=20).values["BERTScore"]
    assert isinstance(same, Score)
    assert same.value == pytest.approx(1, abs=1e-5)
    assert other.value < same.value


def test_bertscore_without_an_encoder_says_which_option_to_give():
    assert "--bertscore-model" in reason(bertscore_metric(None))


def test_bertscore_with_a_folder_that_holds_no_encoder(tmp_path):
    assert "config.json" in reason(bertscore_metric(tmp_path))


def test_bertscore_with_a_broken_encoder(tmp_path):
    pytest.importorskip("bert_score")
    (tmp_path / "config.json").write_text("{}")
    assert "cannot load" in reason(bertscore_metric(tmp_path))


@pytest.mark.skipif(importlib.util.find_spec("radgraph") is not None, reason="radgraph is installed")
def test_radgraph_without_its_package_names_it():
    assert "pip install radgraph" in reason(RADGRAPH)


def test_radgraph_that_cannot_fetch_its_weights_says_so(monkeypatch):
    def refuse(reward_level):
        raise OSError("no connection to the hub")

    package = types.ModuleType("radgraph")
    package.F1RadGraph = refuse
    package.__spec__ = importlib.util.spec_from_loader("radgraph", loader=None)
    monkeypatch.setitem(sys.modules, "radgraph", package)
    _radgraph_scorer.cache_clear()
    assert "no connection to the hub" in reason(RADGRAPH)
