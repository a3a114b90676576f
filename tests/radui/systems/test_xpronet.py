import dataclasses
import itertools
import math
import shutil

import numpy as np
import pytest
import torch

from radui.models.registry import Checkpoint, CheckpointError, load
from radui.models.xpronet import XProNet
from radui.nn.decoding import BeamSearch
from radui.observations import OBSERVATIONS
from radui.records import Study
from radui.systems.inputs import Request, model_input
from radui.systems.xpronet import XProNetSystem

LABELS = torch.tensor([[name in ("Cardiomegaly", "Edema") for name in OBSERVATIONS]])


@pytest.fixture(scope="module")
def system(trained):
    return XProNetSystem(load(trained / "xpronet"))


@pytest.fixture(scope="module")
def study(system, draw):
    """Model input and patch features of two pictures."""
    pictures = Study((draw(1, (96, 80)), draw(2, (64, 120))))
    inputs = model_input(pictures, ("frontal", "lateral"), system.model.config.preprocessing)
    with torch.inference_mode():
        return inputs, system.model.grids(inputs.pixels)


def predict(system, study, cancelled=lambda: False):
    return [found for _, found in system.predict([Request(*study, LABELS)], lambda _: cancelled())]


def test_the_report_is_what_beam_search_finds(system, study):
    *_, last = predict(system, study)
    model = system.model
    with torch.inference_mode():
        stepper = model.stepper(model.encode(study[1], study[0].mask, LABELS), 3)
    expected = BeamSearch(stepper, 1, model.config.decoding, torch.device("cpu")).run()[0]
    assert len(last.tokens) == len(expected.tokens) > 2
    for token, number, logarithm in zip(
        last.tokens, expected.tokens, expected.log_probabilities, strict=True
    ):
        word = system.vocabulary.words([number])[0]
        assert token.text.lower() == {"xxxx": "[redacted]", "<unk>": "[unknown]"}.get(word, word)
        assert token.probability == pytest.approx(math.exp(logarithm), rel=1e-4)


def test_texts_only_grow_and_offsets_fit(system, study):
    *partial, last = predict(system, study)
    assert partial
    assert not any(each.complete for each in partial)
    assert last.complete
    for before, after in itertools.pairwise([*partial, last]):
        assert after.report.startswith(before.report)
        assert after.seconds >= before.seconds
    for token in last.tokens:
        assert last.report[token.start : token.end] == token.text


def test_evidence_is_of_each_word_and_patch(system, study):
    last = predict(system, study)[-1]
    maps, answer = last.evidence.word_maps, last.evidence.prototypes
    assert maps.weights.shape == (len(last.tokens), 2, 2, 2, 2, 2)
    np.testing.assert_allclose(maps.weights.sum((3, 4, 5)), 1, rtol=1e-5)
    assert [frame.original_size for frame in maps.frames] == [(96, 80), (64, 120)]
    assert answer.labels == ("Cardiomegaly", "Edema")
    assert answer.word_indices.shape == (len(last.tokens), 2, 3)
    assert answer.patch_indices.shape == (2, 2, 2, 2, 3)
    np.testing.assert_allclose(answer.word_weights.sum(-1), 1, rtol=1e-5)
    np.testing.assert_allclose(answer.patch_weights.sum(-1), 1, rtol=1e-5)
    for indices in (answer.word_indices, answer.patch_indices):
        assert {OBSERVATIONS[row // 5] for row in indices.flatten()} <= set(answer.labels)


def test_nothing_more_once_cancelled(system, study):
    asked = itertools.count()
    found = predict(system, study, lambda: next(asked) >= 2)
    assert not any(each.complete for each in found)
    assert predict(system, study, lambda: True) == []


def test_may_be_abandoned(system, study):
    stream = system.predict([Request(*study, LABELS)], lambda _: False)
    next(stream)
    stream.close()
    assert not torch.is_inference_mode_enabled()


def test_a_caller_stays_out_of_inference_mode_between_words(system, study):
    for _ in system.predict([Request(*study, LABELS)], lambda _: False):
        assert not torch.is_inference_mode_enabled()


@pytest.fixture
def silent(xpronet, trained):
    """A checkpoint whose model ends every report at once."""
    model = XProNet(xpronet.config).eval()
    model.load_state_dict(xpronet.state_dict())
    with torch.no_grad():
        model.output.bias[0] = 1000.0
    return XProNetSystem(Checkpoint("silent", model, {}, trained / "xpronet"))


def test_an_empty_report_has_no_evidence(silent, study):
    (last,) = predict(silent, study)
    assert (last.report, last.tokens, last.complete) == ("", (), True)
    assert (last.evidence.word_maps, last.evidence.prototypes) == (None, None)


def test_without_prototypes_only_maps_are_shown(xpronet_config, trained, study):
    torch.manual_seed(0)
    model = XProNet(dataclasses.replace(xpronet_config, use_prototypes=False)).eval()
    with torch.no_grad():
        model.output.bias[0] = -1000.0
    last = predict(XProNetSystem(Checkpoint("plain", model, {}, trained / "xpronet")), study)[-1]
    assert len(last.tokens) == 9
    assert last.evidence.prototypes is None
    assert last.evidence.word_maps.weights.shape[0] == 9


class TestRefused:
    @pytest.fixture
    def folder(self, trained, tmp_path):
        shutil.copytree(trained / "xpronet", tmp_path / "xpronet")
        return tmp_path / "xpronet"

    def test_without_its_words(self, folder):
        (folder / "vocab.json").unlink()
        with pytest.raises(CheckpointError, match=r"vocab\.json of the checkpoint xpronet is missing"):
            XProNetSystem(load(folder))

    @pytest.mark.parametrize("text", ["", '["a", "b"]', '{"a": 1}'])
    def test_with_words_that_cannot_be_read(self, folder, text):
        (folder / "vocab.json").write_text(text)
        with pytest.raises(CheckpointError, match="damaged"):
            XProNetSystem(load(folder))

    def test_with_anothers_words(self, folder):
        (folder / "vocab.json").write_text('["<unk>", "a"]')
        with pytest.raises(CheckpointError, match="has 3 words where the model knows 13"):
            XProNetSystem(load(folder))

    def test_of_another_model(self, trained):
        with pytest.raises(CheckpointError, match="gate is of another model"):
            XProNetSystem(load(trained / "gate"))
