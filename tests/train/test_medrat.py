"""Training of MedRAT on drawn studies, from the command line to a checkpoint that loads."""

import csv
from dataclasses import replace

import numpy as np
import pytest
import torch

from radui.models.medrat import MedRAT, MedRATConfig
from radui.models.observation_classifier import ObservationClassifier, ObservationClassifierConfig
from radui.models.registry import load, save
from radui.nn.memory import MemoryConfig
from radui.nn.transformer import TransformerConfig
from radui.observations import OBSERVATIONS, State
from radui.processing.vocabulary import Vocabulary
from radui.records import Preprocessing
from train import medrat, medrat_data
from train.corpus import load_corpus, positive
from train.data.synthetic import write_synthetic
from train.unpaired import collate

STUDIES = 20
SMALL = Preprocessing(size=64)
TINY = TransformerConfig(16, 2, 16, encoder_layers=1, decoder_layers=1)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("drawn")
    write_synthetic(root, STUDIES)
    return root


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoints") / "observation_classifier"
    torch.manual_seed(0)
    model = ObservationClassifier(ObservationClassifierConfig(preprocessing=SMALL))
    save(folder, "observation_classifier", model, {})
    return folder


@pytest.fixture
def tiny(monkeypatch):
    """The compact configuration made smaller still."""
    build = medrat.build_config

    def smaller(*arguments):
        config = build(*arguments)
        return replace(config, transformer=TINY, memory=MemoryConfig(8, 2, 2))

    monkeypatch.setattr(medrat, "build_config", smaller)
    monkeypatch.setattr(medrat, "PREPROCESSING", SMALL)


@pytest.fixture(scope="module")
def corpus(data):
    return load_corpus(data)


class TestData:
    @pytest.fixture
    def build(self, corpus, data, monkeypatch):
        def grids_of(corpus, versions):
            return [np.zeros((len(corpus.pictures), 3, 1, 1), np.float16)] * (1 + versions)

        def build(pairing):
            monkeypatch.setattr(medrat_data, "load_corpus", lambda root, cache: corpus)
            options = ["--data", str(data), "--backbone", "b", "--out", "o", "--seed", "3"]
            sources = medrat_data.read_sources(medrat.parse([*options, "--pairing", pairing]))
            return sources, medrat_data.train_studies(sources, grids_of, 1, 3)

        return build

    @pytest.mark.parametrize(("pairing", "pairs"), [("0", 0), ("20", 3), ("100", 14)])
    def test_no_study_gives_picture_and_report_but_the_pairs(self, build, corpus, pairing, pairs):
        sources, studies = build(pairing)
        words = sources.vocabulary
        owner = {view: p for p, views in enumerate(corpus.index) for view in views}
        pictured = {owner[view] for views in studies.images.index for view in views}
        told = {words.decode(tokens) for tokens in studies.reports.tokens}
        reports = {p: words.decode(words.encode(row.report)) for p, row in enumerate(corpus.rows)}
        assert len(set(reports.values())) == STUDIES, "each drawn report is written once"
        both = {p for p in pictured if reports[p] in told}
        assert len(both) == pairs
        brought = [words.decode(tokens) for tokens in studies.images.tokens if tokens]
        assert sorted(brought) == sorted(reports[p] for p in both)

    def test_val_and_test_studies_give_nothing(self, build, corpus):
        sources, studies = build("50")
        train = corpus.where("train")
        assert set(sources.pictured) <= set(train)
        assert set(sources.texts) <= {corpus.rows[p].report for p in train}
        assert len(studies.reports.tokens) == len(sources.texts) == 11

    def test_labels_are_each_sides_own(self, build, corpus):
        sources, studies = build("0")
        labels = positive(corpus.states)
        told = [p for text in sources.texts for p, row in enumerate(corpus.rows) if row.report == text]
        np.testing.assert_array_equal(studies.images.labels, labels[list(sources.pictured)])
        np.testing.assert_array_equal(studies.reports.labels, labels[told])


class TestTwoSets:
    """Images of CheXpert and reports of MIMIC-CXR, by readers that give drawn studies."""

    @pytest.fixture
    def sources(self, corpus, data, tmp_path, monkeypatch):
        states = dict(zip(OBSERVATIONS, map(State, corpus.states[0].tolist()), strict=True))
        pictured = [replace(row, report="", labels=states) for row in corpus.rows[:5]]
        monkeypatch.setattr(medrat_data, "read_chexpert", lambda root: pictured)
        monkeypatch.setattr(medrat_data, "read_mimic_cxr", lambda root, reports: corpus.rows)
        options = ["--data", str(data), "--chexpert", "c", "--backbone", "b", "--out", str(tmp_path / "run")]
        return medrat_data.read_sources(medrat.parse(options))

    def test_images_come_with_their_labels_and_reports_from_elsewhere(self, sources, corpus):
        assert len(sources.pictured) == len([row for row in sources.images.rows if row.split == "train"])
        for states in sources.images.states:
            np.testing.assert_array_equal(states, corpus.states[0])
        assert sources.texts == [corpus.rows[p].report for p in corpus.where("train")]
        assert sources.known == {}
        assert sources.max_length == 100
        assert {row.split for row in sources.val.rows} == {"val"}

    def test_pairs_are_refused(self, capsys):
        options = ["--data", "d", "--backbone", "b", "--out", "o"]
        with pytest.raises(SystemExit):
            medrat.parse([*options, "--chexpert", "c", "--pairing", "10"])
        assert "no reports to pair" in capsys.readouterr().err


class TestLoss:
    @pytest.fixture
    def batch(self):
        random = np.random.default_rng(0)

        def sample(row):
            labels = np.arange(14) == row
            tokens = [0, 1 + row, 2, 0]
            grids = random.normal(size=(2, 2, 1280, 1, 1)).astype(np.float16)
            return grids, np.ones(2, bool), labels, tokens if row == 1 else [], tokens, tokens, labels

        return collate([sample(row) for row in range(4)])

    def build(self, objective, **config):
        torch.manual_seed(0)
        model = MedRAT(MedRATConfig(9, transformer=TINY, memory=MemoryConfig(8, 2, 2), **config))
        task = object.__new__(medrat.MedRATTask)  # without a val split: the loss alone is of interest
        task.model, task.objective = model, objective
        return task

    def test_the_sum_is_weighted_as_in_eq_6(self, batch):
        objective = medrat.Objective(2.0, 3.0, 5.0, pair_weight=7.0)
        task = self.build(objective)
        found = task.loss(task.model, batch)
        expected = 2 * found["words"] + 3 * found["contrastive"] + 7 * found["paired"]
        expected += 5 * (found["image_classes"] + found["report_classes"]) / 2
        torch.testing.assert_close(found["loss"], expected)

    @pytest.mark.parametrize(
        ("objective", "config", "missing"),
        [
            ({"contrastive_weight": 0.0}, {}, {"contrastive"}),
            ({}, {"classify": False}, {"image_classes", "report_classes"}),
        ],
    )
    def test_a_loss_can_be_taken_out(self, batch, objective, config, missing):
        task = self.build(medrat.Objective(**objective), **config)
        every = {"loss", "words", "paired", "contrastive", "image_classes", "report_classes"}
        assert every - task.loss(task.model, batch).keys() == missing

    @pytest.mark.parametrize("second_view", [True, False])
    def test_steps_lower_every_loss(self, batch, second_view):
        task = self.build(medrat.Objective(second_view=second_view), augmentation="none")
        learned = task.parameter_groups()
        optimizer = torch.optim.Adam(learned, lr=3e-3)
        history = []
        for _ in range(40):
            losses = task.loss(task.model, batch)
            optimizer.zero_grad()
            losses["loss"].backward()
            optimizer.step()
            history.append({name: float(value.detach()) for name, value in losses.items()})
        assert all(history[-1][name] < history[0][name] for name in ("words", "paired", "loss"))
        assert not any(p is q for q in task.model.backbone.parameters() for p in learned[0]["params"])


def test_a_run_leaves_a_checkpoint_that_says_what_it_saw(data, classifier, tiny, tmp_path):
    out = tmp_path / "run"
    arguments = ["--data", str(data), "--backbone", str(classifier), "--classifier", str(classifier)]
    arguments += ["--pairing", "20", "--epochs", "2", "--batch-size", "4", "--observe"]
    medrat.main([*arguments, "--out", str(out)])
    checkpoint = load(out / "checkpoint")
    vocabulary = Vocabulary.load(out / "checkpoint" / "vocab.json")
    assert checkpoint.model.config.observe
    assert checkpoint.model.config.vocabulary == len(vocabulary)
    training = checkpoint.facts["training"]
    assert (training["pairing"], training["epochs"]) == (20.0, 2)
    assert training["data"].endswith("images of 8 studies, reports of 9, 3 of them the same")
    rows = list(csv.DictReader((out / "log.csv").open()))
    assert {"words", "paired", "contrastive", "image_classes", "score", "distinct"} <= rows[-1].keys()


@pytest.mark.parametrize("pairing", ["-1", "101"])
def test_a_share_outside_of_a_hundred_is_refused(pairing, capsys):
    with pytest.raises(SystemExit):
        medrat.parse(["--data", "d", "--backbone", "b", "--out", "o", "--pairing", pairing])
    assert "number from 0 to 100" in capsys.readouterr().err
