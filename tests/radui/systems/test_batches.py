"""Several studies in one search: each gets what it gets alone."""

import numpy as np
import pytest
import torch

from radui.models import registry
from radui.observations import OBSERVATIONS
from radui.records import Study
from radui.systems.inputs import Request, model_input
from radui.systems.medrat import MedRATSystem
from radui.systems.otdrg import OTDRGSystem
from radui.systems.xpronet import XProNetSystem

LABELS = (("Cardiomegaly", "Edema"), ("No Finding",), ("Pneumonia",), ("Edema",), ("No Finding",))


@pytest.fixture(scope="module", params=["xpronet", "medrat", "otdrg"])
def system(request, tmp_path_factory, trained, medrat, otdrg, vocabulary, tokenizer):
    if request.param == "xpronet":
        return XProNetSystem(registry.load(trained / "xpronet"))
    folder = tmp_path_factory.mktemp("checkpoints") / request.param
    model = {"medrat": medrat, "otdrg": otdrg}[request.param]
    registry.save(folder, request.param, model, {}, half=False)
    vocabulary.save(folder / "vocab.json")
    tokenizer.save(folder / "tokenizer.json")
    kind = {"medrat": MedRATSystem, "otdrg": OTDRGSystem}[request.param]
    return kind(registry.load(folder))


@pytest.fixture(scope="module")
def requests(system, draw):
    """Studies of one and two views."""
    found = []
    for seed, labels in enumerate(LABELS):
        pictures = (draw(seed, (96, 80)), draw(seed + 10, (64, 120)))[: 1 + seed % 2]
        views = ("frontal", "lateral")[: len(pictures)]
        inputs = model_input(Study(pictures), views, system.model.config.preprocessing)
        with torch.inference_mode():
            grids = system.model.grids(inputs.pixels)
        found.append(Request(inputs, grids, torch.tensor([[name in labels for name in OBSERVATIONS]])))
    return found


@pytest.fixture(scope="module")
def alone(system, requests):
    return [collect(system, [request])[0] for request in requests]


def collect(system, requests, gone=lambda _: False):
    """All answers of each study."""
    found = [[] for _ in requests]
    for index, answer in system.predict(requests, gone):
        found[index].append(answer)
    return found


def evidence(prediction):
    """The arrays of the evidence, by name."""
    parts = vars(prediction.evidence).items()
    return {
        f"{name}.{field}": value
        for name, part in parts
        for field, value in (vars(part).items() if hasattr(part, "__dict__") else ())
        if isinstance(value, np.ndarray)
    }


def test_texts_and_evidence_are_those_of_single_studies(system, requests, alone):
    together = collect(system, requests)
    assert len({each[-1].report for each in alone}) > 1
    for mine, theirs in zip(together, alone, strict=True):
        assert mine[-1].report == theirs[-1].report
        assert [each.report for each in mine[:-1]] == [each.report for each in theirs[:-1]]
        for one, other in zip(mine[-1].tokens, theirs[-1].tokens, strict=True):
            assert one.text == other.text
            assert one.probability == pytest.approx(other.probability, rel=1e-4)
        expected = evidence(theirs[-1])
        assert expected
        for name, value in evidence(mine[-1]).items():
            np.testing.assert_allclose(value, expected[name], rtol=1e-3, atol=1e-5, err_msg=name)


def test_whole_reports_are_the_same(system, requests, alone):
    reports = [each.report for each in system.reports(requests)]
    assert reports == [each[-1].report for each in alone]


def test_who_is_gone_is_told_nothing_more(system, requests, alone):
    told = set()

    def gone(index):
        return index in (0, 3) and (index in told or told.add(index))

    found = collect(system, requests, gone)
    for index, answers in enumerate(found):
        if index in (0, 3):
            assert not any(each.complete for each in answers)
        else:
            assert answers[-1].report == alone[index][-1].report


def test_evidence_that_fails_is_one_studys_own(system, requests, alone, monkeypatch):
    begin = system.begin

    def broken(requests, evidence):
        stepper, prove = begin(requests, evidence)
        return stepper, lambda index, *rest: prove(index, *rest) if index != 1 else 1 / 0

    monkeypatch.setattr(system, "begin", broken)
    found = collect(system, requests)
    assert isinstance(found[1][-1], ZeroDivisionError)
    for index in (0, 2, 3, 4):
        assert found[index][-1].report == alone[index][-1].report
