import dataclasses
import itertools
import shutil
import threading

import numpy as np
import pytest
import torch

from radui.engine import Engine, EngineError
from radui.models.observation_classifier import ObservationClassifier
from radui.models.registry import CheckpointError
from radui.models.xpronet import XProNet
from radui.observations import NO_FINDING, OBSERVATIONS, State
from radui.records import Study


@pytest.fixture(scope="module")
def engine(trained):
    return Engine(trained)


@pytest.fixture(scope="module")
def pair(draw):
    """A frontal and a lateral view of different sizes, both named in their headers."""
    return draw(1, (96, 80), "frontal"), draw(2, (64, 120), "lateral")


@pytest.fixture(scope="module")
def answer(engine, pair):
    return last(engine, Study(pair))


def last(engine, study, labels=None):
    return list(engine.predict("xpronet", study, labels))[-1]


def assert_same(found, expected):
    """Equal predictions, times apart."""
    assert (found.report, found.findings, found.complete) == (expected.report, expected.findings, True)
    for one, other in zip(found.tokens, expected.tokens, strict=True):
        assert one.text == other.text
        assert one.probability == pytest.approx(other.probability, rel=1e-5)
    np.testing.assert_allclose(
        found.evidence.word_maps.weights, expected.evidence.word_maps.weights, rtol=1e-4, atol=1e-6
    )


class TestSystems:
    def test_says_what_each_needs(self, engine):
        statuses = {each.name: each for each in engine.systems()}
        assert list(statuses) == ["xpronet", "medrat", "otdrg", "adamatch_cyclic"]
        assert statuses["xpronet"].problem is None
        assert statuses["xpronet"].title == "XProNet"
        assert "there is no checkpoint medrat" in statuses["medrat"].problem
        assert "`python -m train.adamatch_cyclic`" in statuses["adamatch_cyclic"].problem

    @pytest.mark.parametrize("missing", ["gate", "observation_classifier", "xpronet"])
    def test_a_missing_checkpoint_is_named(self, trained, tmp_path, missing):
        for name in {"gate", "observation_classifier", "xpronet"} - {missing}:
            shutil.copytree(trained / name, tmp_path / name)
        status = Engine(tmp_path).systems()[0]
        assert f"there is no checkpoint {missing}" in status.problem
        assert f"train.{missing}" in status.problem

    def test_works_on_an_empty_folder(self, tmp_path):
        engine = Engine(tmp_path / "none")
        assert all(status.problem for status in engine.systems())
        engine.warm_up()

    def test_warming_up_loads_what_there_is(self, trained):
        engine = Engine(trained)
        engine.warm_up()
        assert {f"model {name}" for name in ("gate", "observation_classifier", "xpronet")} <= set(
            engine._models.loaded.known()
        )

    @pytest.mark.parametrize("damaged", ["gate", "xpronet"])
    def test_warming_up_passes_over_a_damaged_checkpoint(self, trained, tmp_path, pair, damaged):
        shutil.copytree(trained, tmp_path / "all")
        (tmp_path / "all" / damaged / "model.safetensors").write_bytes(b"cut")
        engine = Engine(tmp_path / "all")
        engine.warm_up()
        assert len(engine.findings(Study(pair[:1]))) == 14 if damaged == "xpronet" else True
        with pytest.raises(CheckpointError, match=f"checkpoint {damaged} is damaged"):
            next(engine.predict("xpronet", Study(pair)))


class TestGateAndFindings:
    def test_gate_judges_each_picture(self, engine, pair):
        verdicts = engine.gate(Study(pair))
        assert len(verdicts) == 2
        for verdict in verdicts:
            assert verdict.chest == pytest.approx(0.8, abs=1e-3)
            assert verdict.passed
            assert verdict.view == "frontal"
            assert verdict.view_probability == pytest.approx(0.5 / 0.8, abs=1e-3)

    def test_gate_stops_below_its_threshold(self, trained, tmp_path, pair):
        shutil.copytree(trained, tmp_path / "all")
        config = tmp_path / "all" / "gate" / "config.json"
        config.write_text(config.read_text().replace('"threshold": 0.7', '"threshold": 0.9'))
        assert not any(verdict.passed for verdict in Engine(tmp_path / "all").gate(Study(pair)))

    def test_findings_are_fourteen_and_sum_to_one(self, engine, pair):
        findings = engine.findings(Study(pair))
        assert tuple(each.observation for each in findings) == OBSERVATIONS
        for each in findings:
            assert sum(each.probabilities) == pytest.approx(1, abs=1e-5)

    def test_states_agree_with_the_labels(self, engine, draw):
        for seed in range(6):
            study = Study((draw(seed),))
            labels = engine.labels(study)
            assert labels
            for each in engine.findings(study):
                present = each.state in (State.POSITIVE, State.UNCERTAIN)
                assert present == (each.observation in labels)
                if each.observation != NO_FINDING:
                    assert present == (each.positive >= 0.6)
                group = (1, 3) if present else (0, 2)
                assert each.probabilities[each.state] == max(each.probabilities[k] for k in group)

    def test_pictures_matter(self, engine, draw):
        assert engine.findings(Study((draw(1),))) != engine.findings(Study((draw(2),)))


class TestPredict:
    def test_streams_growing_texts_and_ends_complete(self, engine, pair):
        study = Study(pair)
        *partial, final = engine.predict("xpronet", study)
        assert partial
        for before, after in itertools.pairwise([*partial, final]):
            assert not before.complete
            assert before.evidence.word_maps is None
            assert after.report.startswith(before.report)
        assert final.complete
        assert final.system == "xpronet"
        assert final.findings == engine.findings(study)
        assert final.evidence.prototypes.labels == engine.labels(study)
        for token in final.tokens:
            assert final.report[token.start : token.end] == token.text
            assert 0 < token.probability <= 1

    def test_ticked_labels_condition_the_report(self, engine, pair, answer):
        ticked = last(engine, Study(pair), ["Pneumonia", "Edema"])
        assert ticked.evidence.prototypes.labels == ("Edema", "Pneumonia")
        rows = ticked.evidence.prototypes.word_indices
        assert {OBSERVATIONS[row // 5] for row in rows.flatten()} <= {"Edema", "Pneumonia"}
        assert ticked.findings == answer.findings
        assert [t.probability for t in ticked.tokens] != [t.probability for t in answer.tokens]

    def test_one_view(self, engine, pair):
        found = last(engine, Study(pair[:1]))
        assert found.evidence.word_maps.weights.shape[3] == 1
        np.testing.assert_allclose(found.evidence.word_maps.weights.sum((3, 4, 5)), 1, rtol=1e-5)
        assert found.evidence.prototypes.patch_indices.shape[0] == 1
        assert found.evidence.word_maps.frames[0].original_size == (96, 80)

    def test_lateral_only_is_read_as_a_lateral(self, engine, pair):
        picture = pair[1]
        lateral = last(engine, Study((picture,)))
        frontal = last(engine, Study((dataclasses.replace(picture, view="frontal"),)))
        np.testing.assert_allclose(lateral.evidence.word_maps.weights.sum((3, 4, 5)), 1, rtol=1e-5)
        assert lateral.findings == frontal.findings
        assert lateral.report != frontal.report

    def test_without_a_header_the_gate_says_the_view(self, engine, pair):
        unnamed = Study((dataclasses.replace(pair[1], view=None),))
        frontal = Study((dataclasses.replace(pair[1], view="frontal"),))
        assert_same(last(engine, unnamed), last(engine, frontal))

    def test_evidence_follows_the_order_of_the_pictures(self, engine, pair, answer):
        swapped = last(engine, Study(pair[::-1]))
        assert swapped.report == answer.report
        maps, expected = swapped.evidence.word_maps, answer.evidence.word_maps
        np.testing.assert_allclose(maps.weights[:, :, :, ::-1], expected.weights, rtol=1e-4, atol=1e-6)
        assert maps.frames == expected.frames[::-1]
        assert [frame.original_size for frame in maps.frames] == [(64, 120), (96, 80)]
        patches, of_pair = swapped.evidence.prototypes, answer.evidence.prototypes
        np.testing.assert_array_equal(patches.patch_indices[::-1], of_pair.patch_indices)
        assert not np.allclose(expected.weights[:, :, :, 0], expected.weights[:, :, :, 1])

    def test_cancelled_before_and_between_words(self, engine, pair):
        study = Study(pair)
        assert list(engine.predict("xpronet", study, cancelled=lambda: True)) == []
        stop = threading.Event()
        found = []
        for prediction in engine.predict("xpronet", study, cancelled=stop.is_set):
            found.append(prediction)
            stop.set()
        assert len(found) == 1
        assert not found[0].complete

    def test_two_threads_get_what_one_gets(self, trained, pair, draw, answer):
        engine = Engine(trained)
        studies = [Study(pair), Study((draw(3),)), Study(pair[::-1]), Study((draw(3), draw(4)))]
        expected = [answer] + [last(Engine(trained), study) for study in studies[1:]]
        found = [None] * len(studies)
        barrier = threading.Barrier(len(studies))

        def work(index):
            barrier.wait()
            found[index] = last(engine, studies[index])

        threads = [threading.Thread(target=work, args=(index,)) for index in range(len(studies))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for one, other in zip(found, expected, strict=True):
            assert_same(one, other)
        assert len({each.report for each in found}) > 1


class TestUsersTogether:
    def ask(self, engine, studies):
        """The predictions of a thread a study, all at once; the exception where there is one."""
        found = [None] * len(studies)
        barrier = threading.Barrier(len(studies))

        def work(index):
            barrier.wait()
            try:
                found[index] = last(engine, studies[index])
            except Exception as error:
                found[index] = error

        threads = [threading.Thread(target=work, args=(index,)) for index in range(len(studies))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return found

    def sizes(self, engine, monkeypatch):
        """The sizes of the batches that a system decodes, from now on."""
        sizes, system = [], engine._models.system("xpronet")
        begin = system.begin
        monkeypatch.setattr(
            system, "begin", lambda requests, *rest: sizes.append(len(requests)) or begin(requests, *rest)
        )
        return sizes

    @pytest.mark.parametrize(("batch", "largest"), [(16, 6), (2, 2), (1, 1)])
    def test_are_decoded_as_one_batch(self, trained, draw, monkeypatch, batch, largest):
        engine = Engine(trained, batch=batch)
        studies = [Study((draw(seed),)) for seed in range(6)]
        expected = [last(engine, study) for study in studies]  # and the features are known afterwards
        sizes = self.sizes(engine, monkeypatch)
        for one, other in zip(self.ask(engine, studies), expected, strict=True):
            assert_same(one, other)
        assert sum(sizes) == 6
        assert max(sizes) <= largest
        assert (len(sizes) < 6) == (batch > 1)

    def test_one_that_fails_fails_alone(self, trained, draw, monkeypatch):
        engine = Engine(trained)
        studies = [Study((draw(seed),)) for seed in range(4)]
        expected = [last(engine, study) for study in studies]
        system = engine._models.system("xpronet")
        begin, bad = system.begin, engine._assessor.grids(studies[2], "xpronet")[1]

        def broken(requests, *rest):
            if any(request.grids is bad for request in requests):
                raise RuntimeError("out of memory")
            return begin(requests, *rest)

        monkeypatch.setattr(system, "begin", broken)
        found = self.ask(engine, studies)
        assert isinstance(found[2], RuntimeError)
        for index in (0, 1, 3):
            assert_same(found[index], expected[index])


class TestReports:
    def test_many_get_what_one_by_one_gets(self, trained, pair, draw):
        studies = [Study(pair), Study((draw(3),)), Study(pair[::-1]), Study((draw(3), draw(4)))]
        expected = [last(Engine(trained), study) for study in studies]
        engine = Engine(trained)
        engine.findings(studies[1])  # one is known already
        for found, alone in zip(engine.reports("xpronet", studies), expected, strict=True):
            assert (found.report, found.complete) == (alone.report, True)
            assert found.evidence.word_maps is None
            assert [t.text for t in found.tokens] == [t.text for t in alone.tokens]
            for mine, theirs in zip(found.findings, alone.findings, strict=True):
                assert mine.state == theirs.state
                assert mine.probabilities == pytest.approx(theirs.probabilities, abs=1e-5)

    def test_the_backbone_runs_once_for_all(self, trained, draw, monkeypatch):
        calls = []
        for kind in (XProNet, ObservationClassifier):
            grids = kind.grids
            monkeypatch.setattr(
                kind,
                "grids",
                lambda self, pixels, grids=grids: calls.append(len(pixels)) or grids(self, pixels),
            )
        Engine(trained).reports("xpronet", [Study((draw(seed),)) for seed in range(3)])
        assert calls == [3]

    def test_none_of_nothing(self, engine):
        assert engine.reports("xpronet", []) == []


class TestRefused:
    @pytest.mark.parametrize("name", ["r2gen", "../xpronet", "/etc", "gate", "xpronet/../gate", "xpronet\0"])
    def test_an_unknown_system_and_a_path_in_place_of_one(self, engine, pair, name):
        with pytest.raises(EngineError, match=r"There is no system .*; choose from xpronet, medrat"):
            next(engine.predict(name, Study(pair)))

    def test_an_untrained_system(self, engine, pair):
        with pytest.raises(EngineError, match="no checkpoint otdrg; train it"):
            next(engine.predict("otdrg", Study(pair)))

    @pytest.mark.parametrize("labels", [[], ["Cardiomegaly", "Flu"], ["cardiomegaly"]])
    def test_labels_that_are_none(self, engine, pair, labels):
        with pytest.raises(EngineError, match="at least one of the 14 observations"):
            next(engine.predict("xpronet", Study(pair), labels))

    @pytest.mark.parametrize("damaged", ["gate", "observation_classifier", "xpronet"])
    def test_a_damaged_checkpoint(self, trained, tmp_path, pair, damaged):
        shutil.copytree(trained, tmp_path / "all")
        (tmp_path / "all" / damaged / "model.safetensors").write_bytes(b"\0" * 100)
        with pytest.raises(CheckpointError, match=f"checkpoint {damaged} is damaged"):
            next(Engine(tmp_path / "all").predict("xpronet", Study(pair)))

    def test_a_checkpoint_without_its_words(self, trained, tmp_path, pair):
        shutil.copytree(trained, tmp_path / "all")
        (tmp_path / "all" / "xpronet" / "vocab.json").unlink()
        with pytest.raises(CheckpointError, match="vocab"):
            next(Engine(tmp_path / "all").predict("xpronet", Study(pair)))


class TestMemory:
    @pytest.fixture
    def counted(self, trained, monkeypatch):
        """A new engine, and how often it ran a backbone."""
        calls = []
        for kind in (XProNet, ObservationClassifier):
            grids = kind.grids
            monkeypatch.setattr(
                kind, "grids", lambda self, pixels, grids=grids: calls.append(1) or grids(self, pixels)
            )
        return Engine(trained), calls

    def test_equal_backbones_read_a_study_once(self, counted, pair):
        engine, calls = counted
        study = Study(pair)
        first = last(engine, study)
        assert_same(last(engine, study), first)
        assert len(calls) == 1
        last(engine, dataclasses.replace(study, indication="cough"))
        assert len(calls) == 1

    def test_other_pictures_are_read_again(self, counted, pair, draw):
        engine, calls = counted
        for study in (Study(pair), Study(pair[:1]), Study((draw(1), draw(2)))):
            last(engine, study)
        assert len(calls) == 3

    def test_a_forgotten_study_is_let_go(self, counted, pair):
        engine, calls = counted
        study, other = Study(pair), Study(pair[:1])
        last(engine, study)
        last(engine, other)
        engine.forget(study)
        assert {pictures for _, pictures in engine._assessor.seen.known()} == {tuple(map(id, other.views))}
        last(engine, other)
        assert len(calls) == 2
        last(engine, study)
        assert len(calls) == 3

    def test_only_so_many_studies_are_kept(self, counted, draw, monkeypatch):
        engine, _ = counted
        engine._assessor.seen.limit = 10
        for seed in range(5):
            engine.findings(Study((draw(seed),)))
        assert len(engine._assessor.seen) <= 10


def test_nothing_is_learned_while_it_reads(engine, pair):
    last(engine, Study(pair))
    model = engine._models.checkpoint("xpronet").model
    assert not model.training
    assert all(parameter.grad is None for parameter in model.parameters())
    assert torch.is_grad_enabled()
