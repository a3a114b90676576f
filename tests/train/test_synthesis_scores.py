import json
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.io import savemat

from radui.models.registry import load, save
from radui.models.vqgan import VQGAN, VQGANConfig
from radui.nn.quantizer import QuantizerConfig
from radui.observations import OBSERVATIONS, State
from radui.records import Preprocessing
from train import synthesis_scores
from train.data.synthetic import write_synthetic
from train.frechet import frechet_distance
from train.synthesis_scores import agreement, decode, encode, look, render, shuffled_agreement

CLASSIFIER = Path(__file__).parents[2] / "checkpoints" / "observation_classifier"
VQ = VQGANConfig(
    channels=16,
    multipliers=(1, 1),
    attention=False,
    quantizer=QuantizerConfig(codes=32, width=4),
    preprocessing=Preprocessing(192, "squash", 192, 0.0, 1.0),
)


@pytest.fixture(scope="module")
def classifier():
    return load(CLASSIFIER).model


@pytest.fixture(scope="module")
def vqgan():
    torch.manual_seed(1)
    return VQGAN(VQ).eval()


def stated(*columns, studies=20):
    """Multi-hot labels of studies by column: the first `count` studies state it."""
    labels = np.zeros((studies, len(OBSERVATIONS)), bool)
    for column, count in columns:
        labels[:count, column] = True
    return labels


def test_pictures_that_show_what_is_stated_agree():
    labels = stated((0, 8), (3, 10))
    seen = labels.astype(np.float32)
    seen[:, 3] = 1 - seen[:, 3]
    found = agreement(labels, seen)
    assert found == {"mean": 0.5, OBSERVATIONS[0]: 1.0, OBSERVATIONS[3]: 0.0}


def test_observations_with_too_few_studies_are_left_out():
    labels = stated((0, 4), (1, 16), (2, 5))
    assert agreement(labels, labels.astype(np.float32)).keys() == {"mean", OBSERVATIONS[2]}
    assert np.isnan(agreement(stated((0, 1)), stated().astype(np.float32))["mean"])


def test_shuffled_reports_give_chance():
    labels = stated((0, 100), (3, 60), studies=200)
    mean, spread = shuffled_agreement(labels, labels.astype(np.float32))
    assert mean == pytest.approx(0.5, abs=0.03)
    assert 0 < spread < 0.1


def test_the_classifier_sees_a_picture_as_the_app_shows_it(classifier):
    pictures = np.random.default_rng(0).random((3, 224, 224)).astype(np.float32)
    seen = look(classifier, pictures)
    where = classifier.config.preprocessing
    with torch.inference_mode():
        pixels = (torch.from_numpy(pictures[:1, None, None]) - where.mean) / where.std
        expected = classifier.probabilities(classifier(pixels, torch.ones(1, 1, dtype=torch.bool)))
    assert seen.features.shape == (3, 1280)
    assert seen.probabilities.shape == (3, 14)
    both = expected[0, :, State.POSITIVE] + expected[0, :, State.UNCERTAIN]
    assert seen.probabilities[0] == pytest.approx(both.numpy(), abs=1e-4)


def test_codes_and_pictures_go_both_ways(vqgan):
    pictures = np.random.default_rng(0).random((2, 192, 192)).astype(np.float32)
    codes = encode(vqgan, pictures)
    assert codes.shape == (2, VQ.grid**2)
    drawn = decode(vqgan, codes)
    expected = vqgan.decode_codes(vqgan.encode(torch.from_numpy(pictures)[:, None]))[:, 0]
    assert drawn == pytest.approx(expected.numpy(), abs=1e-5)


def test_the_table_leaves_out_what_was_not_measured():
    text = render(
        {"real halves": {"N": 5.0, "Fréchet": 1.0}, "drawn": {"N": 10.0, "Fréchet": 2.5, "AUC": 0.6}}
    )
    head, first, second = text.splitlines()
    assert head.split() == ["N", "Fréchet", "AUC"]
    assert first.split() == ["real", "halves", "5.000", "1.000"]
    assert second.split() == ["drawn", "10.000", "2.500", "0.600"]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("drawn")
    write_synthetic(root, 10)
    return root


def test_drawn_pictures_are_measured_beside_real_ones(data, vqgan, classifier, tmp_path, capsys):
    save(tmp_path / "vqgan", "vqgan", vqgan, {}, half=False)
    savemat(tmp_path / "model.mat", {"pop_mu": np.zeros((1, 36)), "pop_cov": np.eye(36)})
    rows = json.loads((data / "annotation.json").read_text())
    ids = [row["id"] for row in rows["train"]]
    codes = np.random.default_rng(0).integers(0, 32, (len(ids), VQ.grid**2))
    np.savez(tmp_path / "drawn.npz", ids=np.array(ids), codes=codes.astype(np.int16))
    synthesis_scores.main(
        [
            *("--checkpoint", str(tmp_path / "vqgan"), "--data", str(data), "--classifier", str(CLASSIFIER)),
            *("--pictures", str(tmp_path / "drawn.npz"), "--cache", str(tmp_path / "cache")),
            *("--figure", str(tmp_path / "tsne.png")),
            *("--niqe-model", str(tmp_path / "model.mat"), "--json", str(tmp_path / "scores.json")),
        ]
    )
    sets = json.loads((tmp_path / "scores.json").read_text())["sets"]
    assert list(sets) == ["real halves", "real", "reconstructed", "drawn"]
    assert sets["real"]["Fréchet"] == pytest.approx(0, abs=1e-6)
    assert sets["drawn"]["Fréchet"] > sets["real"]["Fréchet, half"] > 0
    assert sets["drawn"]["NIQE"] > 0
    real, drawn = (look(classifier, pictures).features for pictures in _both(data, tmp_path, vqgan, codes))
    assert sets["drawn"]["Fréchet"] == pytest.approx(frechet_distance(real, drawn), rel=1e-4)
    assert "AUC by observation, drawn" in capsys.readouterr().out
    assert (tmp_path / "tsne.png").read_bytes().startswith(b"\x89PNG")


def _both(data, tmp_path, vqgan, codes):
    corpus = synthesis_scores.load_corpus(data, tmp_path / "cache")
    real = synthesis_scores.frontal(corpus, corpus.where("train"), VQ.preprocessing)
    return real, decode(vqgan, codes)
