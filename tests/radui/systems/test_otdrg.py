import dataclasses
import itertools
import math

import numpy as np
import pytest
import torch

from radui.explain.transport import figures
from radui.models import registry
from radui.models.registry import CheckpointError, load
from radui.nn.decoding import BeamSearch
from radui.observations import OBSERVATIONS, State
from radui.records import Finding, Study
from radui.systems.inputs import Request, model_input
from radui.systems.otdrg import OTDRGSystem, label_states

LABELS = torch.tensor([[name in ("Cardiomegaly", "Edema") for name in OBSERVATIONS]])


@pytest.fixture(scope="module")
def folder(otdrg, tokenizer, tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoints") / "otdrg"
    registry.save(folder, "otdrg", otdrg, {}, half=False)
    tokenizer.save(folder / "tokenizer.json")
    return folder


@pytest.fixture(scope="module")
def system(folder):
    return OTDRGSystem(load(folder))


@pytest.fixture(scope="module")
def study(system, draw):
    """Model input and patch features of two pictures, given lateral first."""
    pictures = Study((draw(2, (64, 120)), draw(1, (96, 80))))
    inputs = model_input(pictures, ("lateral", "frontal"), system.model.config.preprocessing)
    with torch.inference_mode():
        return inputs, system.model.grids(inputs.pixels)


@pytest.fixture(scope="module")
def findings():
    """Edema's probabilities say uncertain, pleural effusion's negative, all others unmentioned."""
    rows = {"Edema": (0.3, 0.2, 0.1, 0.4), "Pleural Effusion": (0.1, 0.1, 0.8, 0.0)}
    return tuple(Finding(n, State.UNMENTIONED, rows.get(n, (0.7, 0.1, 0.1, 0.1))) for n in OBSERVATIONS)


def predict(system, study, findings=(), cancelled=lambda: False):
    return [found for _, found in system.predict([Request(*study, LABELS, findings)], lambda _: cancelled())]


def test_the_report_is_what_beam_search_finds(system, study):
    *_, last = predict(system, study)
    model = system.model
    with torch.inference_mode():
        stepper = model.stepper(model.encode(study[1], study[0].mask, LABELS), 3)
    expected = BeamSearch(stepper, 1, model.config.decoding, torch.device("cpu")).run()[0]
    words, groups = (read(expected.tokens) for read in (system.tokenizer.words, system.tokenizer.groups))
    assert len(last.tokens) == len(words) > 1
    for token, word, group in zip(last.tokens, words, groups, strict=True):
        assert token.text.lower() == {"xxxx": "[redacted]"}.get(word, word).lower()
        logarithm = sum(expected.log_probabilities[place] for place in group)
        assert token.probability == pytest.approx(math.exp(logarithm), rel=1e-4)


def test_texts_only_grow_and_offsets_fit(system, study):
    *partial, last = predict(system, study)
    assert partial
    assert last.complete
    assert not any(each.complete for each in partial)
    for before, after in itertools.pairwise([*partial, last]):
        assert after.report.startswith(before.report)
    for token in last.tokens:
        assert last.report[token.start : token.end] == token.text


def test_the_plan_follows_the_pictures_and_not_the_slots(system, study, findings):
    last = predict(system, study, findings)[-1]
    plan = last.evidence.transport
    assert plan.weights.shape == plan.cost.shape == (2, 2, 2, 14)
    assert [frame.original_size for frame in plan.frames] == [(64, 120), (96, 80)]
    with torch.inference_mode():
        states = label_states(LABELS, findings)
        found = system.model.encode(study[1], study[0].mask, states).transport
    np.testing.assert_allclose(plan.weights[0], found.plan[0, 4:].reshape(2, 2, 14), rtol=1e-5)
    np.testing.assert_allclose(plan.cost[1], found.cost[0, :4].reshape(2, 2, 14), rtol=1e-5)
    assert figures(plan).distance == pytest.approx(found.distance.item(), abs=1e-4)
    assert plan.labels == OBSERVATIONS
    assert plan.states == tuple(State(s) for s in states[0].tolist())


def test_sentences_link_to_the_observations_they_state(system, study):
    last = predict(system, study)[-1]
    for link in last.evidence.links:
        assert 0 <= link.start < link.end <= len(last.report)
        assert link.observation in OBSERVATIONS


def test_what_is_ticked_is_present_and_the_findings_say_the_rest(findings):
    states = dict(zip(OBSERVATIONS, label_states(LABELS, findings)[0].tolist(), strict=True))
    assert states["Cardiomegaly"] == State.POSITIVE
    assert states["Edema"] == State.UNCERTAIN
    assert states["Pleural Effusion"] == State.NEGATIVE
    assert states["Fracture"] == State.UNMENTIONED
    alone = dict(zip(OBSERVATIONS, label_states(LABELS, ())[0].tolist(), strict=True))
    assert (alone["Edema"], alone["Pleural Effusion"]) == (State.POSITIVE, State.UNMENTIONED)


def test_without_transport_there_is_no_plan(system, study):
    checkpoint = registry.Checkpoint("otdrg", system.model, {}, None)
    other = OTDRGSystem.__new__(OTDRGSystem)
    other.model, other.text = (
        type(system.model)(dataclasses.replace(checkpoint.model.config, use_transport=False)).eval(),
        system.tokenizer,
    )
    other.model.load_state_dict(system.model.state_dict())
    assert predict(other, study)[-1].evidence.transport is None


def test_nothing_more_once_cancelled(system, study):
    asked = itertools.count()
    found = predict(system, study, cancelled=lambda: next(asked) >= 2)
    assert not any(each.complete for each in found)
    assert predict(system, study, cancelled=lambda: True) == []


def test_missing_or_wrong_tokenizers_are_named(folder, tmp_path):
    from radui.processing.tokenizer import ReportTokenizer

    checkpoint = dataclasses.replace(load(folder), folder=tmp_path)
    with pytest.raises(CheckpointError, match="missing or damaged"):
        OTDRGSystem(checkpoint)
    words = [f"w{number}" for number in range(400)]
    ReportTokenizer.build(words, 900).save(tmp_path / "tokenizer.json")
    with pytest.raises(CheckpointError, match="tokens where the model knows"):
        OTDRGSystem(checkpoint)


def test_another_model_is_refused(xpronet):
    with pytest.raises(CheckpointError, match="of another model"):
        OTDRGSystem(registry.Checkpoint("x", xpronet, {}, None))
