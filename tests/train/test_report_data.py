from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate.utils import send_to_device

from radui.models.xpronet import XProNet, XProNetConfig
from radui.nn.decoding import BeamConfig
from radui.nn.prototypes import PrototypeConfig
from radui.nn.transformer import TransformerConfig
from radui.observations import OBSERVATIONS
from radui.processing.vocabulary import Vocabulary
from train.corpus import Corpus
from train.data.study import StudyRow
from train.report_data import Batch, Conditions, ReportStudies, collate, decode, error_rates, redraw

NO_FINDING, DEVICES = OBSERVATIONS.index("No Finding"), OBSERVATIONS.index("Support Devices")
REPORTS = ("The lungs are clear.", "Large effusion. The heart is large.", "Clear.", "The heart is clear.")
STUDIES, VERSIONS = 24, 3


@pytest.fixture(scope="module")
def corpus():
    """Sixteen train studies and eight of val; each fourth has one picture."""
    rows, index, pictures = [], [], 0
    for number in range(STUDIES):
        views = 1 if number % 4 == 3 else 2
        index.append(tuple(range(pictures, pictures + views)))
        pictures += views
        split = "train" if number < 16 else "val"
        rows.append(StudyRow(str(number), split, (Path("0.png"),) * views, REPORTS[number % 4]))
    return Corpus(rows, np.zeros((pictures, 1, 1), np.uint8), index, np.zeros((STUDIES, 14), np.int64))


@pytest.fixture(scope="module")
def vocabulary():
    return Vocabulary.build(REPORTS, threshold=1)


@pytest.fixture(scope="module")
def grids(corpus):
    """A version's features say the version and the picture."""
    pictures = np.arange(len(corpus.pictures), dtype=np.float16)[:, None, None, None]
    return [np.broadcast_to(100 * v + pictures, (len(pictures), 3, 2, 2)) for v in range(VERSIONS)]


@pytest.fixture
def conditions():
    random = np.random.default_rng(0)
    reference, predicted = np.zeros((2, STUDIES, 14), bool)
    reference[np.arange(STUDIES), random.integers(14, size=STUDIES)] = True
    predicted[np.arange(STUDIES), random.integers(14, size=STUDIES)] = True
    return Conditions(reference, predicted, np.full((2, 14), 0.5), noise=0.5, seed=3)


@pytest.fixture
def build(corpus, grids, vocabulary, conditions):
    def build(split, conditions=conditions):
        return ReportStudies(corpus, grids, split, vocabulary, conditions)

    return build


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


class TestStudies:
    def test_val_is_plain_whole_and_conditioned_as_the_app_does(self, build, corpus, conditions):
        val = build("val")
        assert len(val) == 8
        for epoch in (0, 1):
            val.set_epoch(epoch)
            for item in range(8):
                features, mask, labels, _ = val[item]
                assert features[:, 0, 0, 0].tolist() == list(corpus.index[16 + item])
                assert mask.all()
                np.testing.assert_array_equal(labels, conditions.predicted[16 + item])

    def test_oracle_takes_the_reports_own_labels(self, build, conditions):
        from dataclasses import replace

        val = build("val", replace(conditions, oracle=True))
        np.testing.assert_array_equal(val[2][2], conditions.reference[18])

    def test_a_train_sample_depends_on_seed_epoch_and_place_alone(self, build):
        first, second = build("train"), build("train")
        list(map(second.__getitem__, reversed(range(16))))
        assert all(same(first[item], second[item]) for item in range(16))
        second.set_epoch(1)
        assert not all(same(first[item], second[item]) for item in range(16))

    def test_train_draws_every_version_and_drops_views_now_and_then(self, build, corpus):
        train = build("train")
        versions, masks = set(), []
        for epoch in range(12):
            train.set_epoch(epoch)
            for item in range(16):
                features, mask, _, _ = train[item]
                version, picture = divmod(int(features[0, 0, 0, 0]), 100)
                assert picture == corpus.index[item][0]
                versions.add(version)
                assert mask.any()
                if len(mask) == 2:
                    masks.append(tuple(mask.tolist()))
        assert versions == {0, 1, 2}
        assert 0.1 < 1 - masks.count((True, True)) / len(masks) < 0.4
        assert {(True, False), (False, True)} <= set(masks)

    def test_tokens_are_the_report(self, build, vocabulary):
        assert vocabulary.decode(build("train")[1][3]) == "large effusion . the heart is large ."


class TestConditions:
    @pytest.mark.parametrize("noise", [0.0, 1.0])
    def test_noise_is_the_share_that_is_redrawn(self, conditions, noise):
        from dataclasses import replace

        never = np.stack([np.zeros(14), np.zeros(14)])
        drawn = replace(conditions, noise=noise, rates=never).draw(4, np.random.default_rng(0))
        expected = conditions.reference[4] if noise == 0 else np.arange(14) == NO_FINDING
        np.testing.assert_array_equal(drawn, expected)

    def test_error_rates_are_shares_of_both_kinds_with_one_study_added_to_each(self):
        reference = np.array([[True], [True], [True], [False]]).repeat(14, 1)
        predicted = np.array([[True], [False], [True], [True]]).repeat(14, 1)
        rates = error_rates(reference, predicted)
        np.testing.assert_allclose(rates[:, 0], [(1 + 1) / (1 + 2), (2 + 1) / (3 + 2)])

    def test_redrawn_labels_are_never_empty_nor_contradict_themselves(self):
        random = np.random.default_rng(0)
        stated = np.zeros(14, bool)
        stated[[2, 5]] = True
        rates = np.stack([np.full(14, 0.05), np.full(14, 0.7)])
        drawn = np.stack([redraw(stated, rates, random) for _ in range(2000)])
        others = np.delete(drawn, [NO_FINDING, DEVICES], axis=1).any(1)
        assert (drawn[:, NO_FINDING] == ~others).all()
        np.testing.assert_allclose(drawn[:, [2, 5]].mean(0), 0.7, atol=0.05)
        np.testing.assert_allclose(drawn[:, [0, 1, 3, DEVICES]].mean(0), 0.05, atol=0.02)


class TestBatches:
    def test_reports_and_views_are_padded(self, build):
        batch = collate([build("val")[item] for item in (0, 1, 3)])
        assert batch.grids.shape == (3, 2, 3, 2, 2)
        assert batch.grids.dtype == torch.float32
        assert batch.mask.tolist() == [[True, True], [True, True], [True, False]]
        assert batch.labels.shape == (3, 14)
        assert batch.tokens.shape == (3, 10)
        assert batch.tokens[2, 6:].tolist() == [0] * 4
        assert batch.grids[2, 1].abs().max() == 0

    def test_accelerate_moves_them(self, build):
        batch = collate([build("val")[0]])
        moved = send_to_device(batch, torch.device("meta"))
        assert isinstance(moved, Batch)
        assert {part.device.type for part in (moved.grids, moved.mask, moved.labels, moved.tokens)} == {
            "meta"
        }


def test_decode_writes_every_study_whatever_the_batches(build, vocabulary, monkeypatch):
    torch.manual_seed(4)
    monkeypatch.setattr("radui.models.xpronet.build_backbone", lambda config: Features())
    model = XProNet(
        XProNetConfig(
            vocabulary=len(vocabulary),
            transformer=TransformerConfig(12, 2, 12, 1, 1),
            prototypes=PrototypeConfig(per_label=4, features=6, gamma=2, heads=2),
            decoding=BeamConfig(2, 6),
        )
    )
    with torch.no_grad():
        model.output.weight *= 5
        model.output.bias[0] -= 2
    model.train()
    reports = [decode(model, build("val"), vocabulary, torch.device("cpu"), size) for size in (3, 8)]
    assert reports[0] == reports[1]
    assert len(reports[0]) == 8
    assert all(set(report.split()) <= set(vocabulary.types) for report in reports[0])
    assert any(reports[0])


class Features(torch.nn.Module):
    """A backbone of three channels that is never run."""

    channels = 3
