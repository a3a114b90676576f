import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

from radui.models import registry
from radui.models.medrat import MedRAT
from radui.models.registry import Checkpoint, CheckpointError, load
from radui.nn.decoding import BeamSearch
from radui.records import Study
from radui.systems.inputs import Request, model_input
from radui.systems.medrat import MedRATSystem

LABELS = torch.zeros(1, 14, dtype=torch.bool)


@pytest.fixture(scope="module")
def system(tmp_path_factory, medrat, vocabulary):
    folder = tmp_path_factory.mktemp("checkpoints") / "medrat"
    registry.save(folder, "medrat", medrat, {})
    vocabulary.save(folder / "vocab.json")
    return MedRATSystem(load(folder))


@pytest.fixture(scope="module")
def study(system, draw):
    """Model input and patch features of two pictures, the lateral first."""
    pictures = Study((draw(1, (96, 80)), draw(2, (64, 120))))
    inputs = model_input(pictures, ("lateral", "frontal"), system.model.config.preprocessing)
    with torch.inference_mode():
        return inputs, system.model.grids(inputs.pixels)


def predict(system, study, cancelled=lambda: False):
    return [found for _, found in system.predict([Request(*study, LABELS)], lambda _: cancelled())]


def test_the_report_is_what_beam_search_finds(system, study):
    *partial, last = predict(system, study)
    model = system.model
    with torch.inference_mode():
        stepper = model.stepper(model.encode(study[1], study[0].mask, LABELS), 3)
    expected = BeamSearch(stepper, 1, model.config.decoding, torch.device("cpu")).run()[0]
    assert len(last.tokens) == len(expected.tokens) > 2
    assert (last.system, last.complete) == ("medrat", True)
    for before, after in itertools.pairwise([*partial, last]):
        assert after.report.startswith(before.report)


def test_maps_of_words_and_of_the_pooling_sum_to_one_on_the_pictures_as_given(system, study):
    last = predict(system, study)[-1]
    maps, pooling = last.evidence.word_maps, last.evidence.pooling
    assert maps.weights.shape == (len(last.tokens), 2, 2, 2, 2, 2)
    np.testing.assert_allclose(maps.weights.sum((3, 4, 5)), 1, rtol=1e-4)
    assert pooling.weights.shape == (2, 2, 2)
    assert pooling.weights.sum() == pytest.approx(1, rel=1e-4)
    for each in (maps, pooling):
        assert [frame.original_size for frame in each.frames] == [(96, 80), (64, 120)]
    assert last.evidence.prototypes is None


def test_a_single_picture_has_all_the_weight(system, draw):
    inputs = model_input(Study((draw(1),)), ("lateral",), system.model.config.preprocessing)
    with torch.inference_mode():
        grids = system.model.grids(inputs.pixels)
    last = predict(system, (inputs, grids))[-1]
    assert last.evidence.word_maps.weights.shape[3] == 1
    assert last.evidence.pooling.weights.sum() == pytest.approx(1, rel=1e-4)


@pytest.mark.parametrize("missing", ["use_global", "use_local"])
def test_maps_are_there_without_the_global_or_the_local_part(system, study, missing, tmp_path):
    torch.manual_seed(0)
    model = MedRAT(replace(system.model.config, **{missing: False}, observe=True)).eval()
    with torch.no_grad():
        model.output.bias[0] = -1000.0
    system.vocabulary.save(tmp_path / "vocab.json")
    last = predict(MedRATSystem(Checkpoint("part", model, {}, tmp_path)), study)[-1]
    np.testing.assert_allclose(last.evidence.word_maps.weights.sum((3, 4, 5)), 1, rtol=1e-4)


def test_another_model_is_refused(trained):
    with pytest.raises(CheckpointError, match="xpronet is of another model"):
        MedRATSystem(load(trained / "xpronet"))
