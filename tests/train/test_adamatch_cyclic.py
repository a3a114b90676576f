"""AdaMatch-Cyclic's lessons, its training on drawn studies, and what it writes and draws afterwards."""

import csv
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from radui.models.adamatch_cyclic import AdaMatchCyclic, AdaMatchCyclicConfig
from radui.models.registry import load, save
from radui.models.vqgan import VQGAN, VQGANConfig
from radui.nn.language_model import LanguageModelConfig
from radui.nn.quantizer import QuantizerConfig
from radui.processing.instructions import NO_PLACE, Instructor, instruction_texts
from radui.processing.tokenizer import END, ReportTokenizer
from radui.processing.vocabulary import Vocabulary
from radui.records import Preprocessing
from train import adamatch_cyclic, cyclic_samples
from train.adamatch_cyclic import CyclicTask
from train.corpus import Corpus
from train.cyclic_data import CyclicStudies, HintTable, Lessons, cached_codes, collate, view_names
from train.cyclic_samples import with_decoding
from train.data.study import StudyRow
from train.data.synthetic import write_synthetic

VQ = VQGANConfig(
    channels=16,
    multipliers=(1, 1),
    attention=False,
    quantizer=QuantizerConfig(codes=32, width=4),
    preprocessing=Preprocessing(32, "squash", 32, 0.0, 1.0),
)
REPORTS = ("The lungs are clear.", "The heart is large. No effusion.", "Clear.", "The heart is normal.")
STUDIES = 12


def row(number, views=("frontal", "lateral")):
    split = "train" if number < 8 else "val"
    images = (Path("0.png"),) * len(views)
    return StudyRow(str(number), split, images, REPORTS[number % 4], views=views)


@pytest.fixture(scope="module")
def corpus():
    rows = [row(number) for number in range(STUDIES)]
    index = [(2 * number, 2 * number + 1) for number in range(STUDIES)]
    pictures = np.zeros((2 * STUDIES, 1, 1), np.uint8)
    return Corpus(rows, pictures, index, np.zeros((STUDIES, 14), np.int64))


@pytest.fixture(scope="module")
def codes():
    """A picture's codes say which version (at most 1) and which picture they are of."""
    pictures = np.arange(2 * STUDIES, dtype=np.float16)[:, None, None]
    return [np.broadcast_to(pictures, (2 * STUDIES, 4, 4)), np.broadcast_to(pictures * 0 + 31, (24, 4, 4))]


@pytest.fixture(scope="module")
def hints():
    keywords = {str(n): [["heart"], ["effusion", "clear"]] for n in range(STUDIES)}
    return HintTable(keywords, {str(n): [30, n] for n in range(STUDIES)})


@pytest.fixture(scope="module")
def config():
    tokenizer = ReportTokenizer.build([*(text.lower() for text in REPORTS), *instruction_texts()], 300)
    language = LanguageModelConfig("", "", 0, "float32", len(tokenizer), 32, 2, 2, 1, 48, 0.0)
    return AdaMatchCyclicConfig(VQ, language), tokenizer


@pytest.fixture(scope="module")
def model(config):
    torch.manual_seed(4)
    return AdaMatchCyclic(config[0]).eval()


@pytest.fixture(scope="module")
def build(corpus, codes, config, hints, model):
    def build(split, lessons=None, settings=config[0], table=hints):
        instructor = Instructor(config[1], model.texts)
        lessons = lessons or Lessons(1.0, 0.0, 0.0)
        return CyclicStudies(corpus, codes, split, instructor, settings, table, lessons)

    return build


def codes_of(studies, instruction):
    return [
        number - studies.instructor.texts for number in instruction.ids if number >= studies.instructor.texts
    ]


def text_of(studies, instruction):
    tokenizer = studies.instructor.tokenizer
    words = [number for number in instruction.ids if number < studies.instructor.texts and number != END]
    return tokenizer.decode(words)


class TestLessons:
    def test_each_study_is_asked_both_ways(self, build):
        studies = build("val")
        assert len(studies) == 8
        asked, response = studies[2]
        assert codes_of(studies, asked) == [18] * 16  # study 9's first picture
        assert text_of(studies, response) == "the heart is large . no effusion ."
        asked, response = studies[3]
        assert "the heart is large . no effusion ." in text_of(studies, asked)
        assert codes_of(studies, response) == [18] * 16
        assert list(response.places) == list(range(16))

    def test_hints_are_those_of_the_study_and_the_picture(self, build):
        studies = build("val")
        assert "### Keywords: heart ### Response" in text_of(studies, studies.to_report(9)[0])
        assert "### Keywords: effusion, clear" in text_of(studies, studies.to_report(9, view=1)[0])
        asked = studies.to_picture(9)[0]
        assert codes_of(studies, asked) == [30, 9]
        assert set(asked.places) == {NO_PLACE}

    def test_hints_can_be_switched_off(self, build, config):
        studies = build("val", settings=replace(config[0], use_keywords=False, use_keypatches=False))
        assert "Keywords" not in text_of(studies, studies[0][0])
        assert "Keypatches" not in text_of(studies, studies[1][0])

    def test_the_lateral_picture_is_asked_for_by_its_name(self, build):
        studies = build("val")
        assert "Create a lateral chest" in text_of(studies, studies.to_picture(9, view=1)[0])
        assert "Create a frontal chest" in text_of(studies, studies.to_picture(9)[0])

    def test_some_pictures_are_drawn_to_no_report(self, build):
        studies = build("train", Lessons(1.0, 1.0, 0.0))
        asked = text_of(studies, studies[1][0])
        assert "### Input: ### Keypatches: ### Response:" in asked
        assert codes_of(studies, studies[1][0]) == []

    def test_some_reports_are_written_of_no_picture(self, build):
        asked, response = build("train", Lessons(1.0, 1.0, 0.0))[0]
        studies = build("train")
        assert text_of(studies, asked).endswith("### Input: ### Keywords: ### Response:")
        assert codes_of(studies, asked) == []
        assert text_of(studies, response) == text_of(studies, studies[0][1])

    def test_some_lessons_forget_their_hints(self, build):
        studies = build("train", Lessons(1.0, 0.0, 1.0))
        assert "### Keywords: ### Response:" in text_of(studies, studies[0][0])

    def test_epochs_draw_other_versions_and_views_and_repeat_themselves(self, build):
        studies = build("train", Lessons(0.5, 0.0, 0.0))
        seen = []
        for epoch in (0, 1, 0):
            studies.set_epoch(epoch)
            seen.append([codes_of(studies, studies[item][1])[0] for item in range(1, 16, 2)])
        assert seen[0] == seen[2]
        assert seen[0] != seen[1]
        drawn = [code for epoch in range(20) for code in self.first_codes(studies, epoch)]
        assert 31 in drawn  # the warped version
        assert any(code % 2 for code in drawn if code < 31)
        assert any(code % 2 == 0 for code in drawn)

    def first_codes(self, studies, epoch):
        studies.set_epoch(epoch)
        return [codes_of(studies, studies[item][1])[0] for item in range(1, 16, 2)]

    def test_val_is_always_the_plain_frontal_picture_with_hints(self, build):
        studies = build("val", Lessons(0.0, 1.0, 1.0))
        studies.set_epoch(5)
        assert codes_of(studies, studies[2][0]) == [18] * 16
        assert "### Keywords: heart" in text_of(studies, studies[2][0])

    def test_views_are_named_in_the_order_of_the_corpus(self):
        assert view_names(row(0, ("lateral", "frontal"))) == ("frontal", "lateral")
        assert view_names(row(0, ("frontal", None))) == ("frontal", "frontal")
        assert view_names(replace(row(0), views=())) == ("frontal", "frontal")

    def test_hints_survive_their_file(self, hints, tmp_path):
        hints.save(tmp_path / "new" / "hints.json")
        again = HintTable.load(tmp_path / "new" / "hints.json")
        assert again.words("3", 1) == ["effusion", "clear"]
        assert again.words("3", 2) == again.words("unknown", 0) == ()
        assert again.keypatches["3"] == [30, 3]


def test_cached_codes_are_those_of_the_pictures(tmp_path):
    torch.manual_seed(3)
    vqgan = VQGAN(VQ).eval()
    pictures = np.random.default_rng(0).integers(0, 256, (3, 32, 32)).astype(np.uint8)
    plain, warped = cached_codes(vqgan, pictures, 2, tmp_path)
    with torch.autocast("cpu", torch.bfloat16):
        expected = vqgan.encode(torch.from_numpy(pictures[:, None].astype(np.float32) / 255))
    assert np.array_equal(plain, expected.numpy())
    assert not np.array_equal(plain, warped)
    assert np.array_equal(cached_codes(vqgan, pictures, 1, tmp_path)[0], plain)


def test_a_setting_of_the_decoding_can_be_tried(config):
    tried = with_decoding(config[0], 2.0, 0.5)
    assert (tried.guidance, tried.decoding.length_penalty) == (2.0, 0.5)
    assert with_decoding(tried, None, None) == tried


class TestTask:
    @pytest.fixture(scope="class")
    def task(self, model, build):
        return CyclicTask(model, build("val"), Vocabulary.build(REPORTS, 1))

    def test_the_loss_is_on_the_response_alone(self, task, build):
        studies = build("val")
        asked, response = studies[1]
        changed = replace(asked, ids=(asked.ids[0], *asked.ids[:0:-1]))
        plain, other = (task._losses(task.model, collate([(each, response)])) for each in (asked, changed))
        assert len(plain[0]) == len(response.ids) == 16
        assert plain[1].all()
        assert not torch.allclose(plain[0], other[0])  # the instruction is read, but not learned

    def test_an_untrained_model_is_as_sure_as_chance(self, task, build):
        found = task.loss(task.model, collate([build("val")[i] for i in range(4)]))
        chance = math.log(task.model.texts + 32)
        assert found["report"].item() == pytest.approx(chance, rel=0.15)
        assert found["picture"].item() == pytest.approx(chance, rel=0.15)
        assert found["loss"].item() == pytest.approx((found["report"] + found["picture"]).item())

    def test_padding_changes_no_loss(self, task, build):
        studies = build("val")
        together = task.loss(task.model, collate([studies[0], studies[2]]))["report"].item()
        lengths = [len(studies[i][1].ids) for i in (0, 2)]
        alone = [task.loss(task.model, collate([studies[i]]))["report"].item() for i in (0, 2)]
        assert together == pytest.approx(np.average(alone, weights=lengths), rel=1e-5)

    def test_a_batch_of_one_direction_has_no_other_loss(self, task, build):
        found = task.loss(task.model, collate([build("val")[1]]))
        assert found["report"].item() == 0
        assert found["picture"].item() > 0

    def test_both_directions_are_learned_by_the_same_weights(self, build, config):
        torch.manual_seed(4)
        model = AdaMatchCyclic(config[0]).train()
        studies = build("train")
        task = CyclicTask(model, build("val"), Vocabulary.build(REPORTS, 1))
        optimizer = torch.optim.AdamW(task.parameter_groups()[0]["params"], 1e-2)
        batch = collate([studies[i] for i in range(6)])
        history = []
        for _ in range(40):
            found = task.loss(model, batch)
            found["loss"].backward()
            optimizer.step()
            optimizer.zero_grad()
            history.append((found["report"].item(), found["picture"].item()))
        assert history[-1][0] < 0.3 * history[0][0]
        assert history[-1][1] < 0.3 * history[0][1]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("drawn")
    write_synthetic(root, 5)
    return root


def test_a_run_becomes_a_checkpoint_that_writes_and_draws(data, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("train.loop.plot_curves", lambda log, out: None)
    torch.manual_seed(3)
    save(tmp_path / "vqgan", "vqgan", VQGAN(VQ), {}, half=False)
    out = tmp_path / "runs" / "cyclic"
    sizes = ["--width", "32", "--layers", "1", "--tokens", "400", "--versions", "2", "--batch-size", "2"]
    common = ["--data", str(data), "--vqgan", str(tmp_path / "vqgan"), "--out", str(out), *sizes]
    adamatch_cyclic.main([*common, "--epochs", "1"])
    adamatch_cyclic.main([*common, "--epochs", "2", "--resume"])
    with (out / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert float(rows[1]["val_picture"]) < math.log(400 + 32) + 0.5
    checkpoint = out / "checkpoint"
    assert json.loads((checkpoint / "config.json").read_text())["training"]["hints"] is False
    written = ["--checkpoint", str(checkpoint), "--data", str(data), "--cache", str(tmp_path / "runs/cache")]
    reports, pictures = tmp_path / "reports.jsonl", tmp_path / "codes.npz"
    cyclic_samples.main([*written, "--reports", str(reports), "--pictures", str(pictures), "--split", "val"])
    lines = [json.loads(line) for line in reports.read_text().splitlines()]
    drawn = np.load(pictures)
    assert [line["id"] for line in lines] == drawn["ids"].tolist()
    assert drawn["codes"].shape == (len(lines), 16)
    assert "CE-14 macro F1" in capsys.readouterr().out
    assert load(checkpoint).model.config.language_model.vocabulary <= 400
    further = ["--data", str(data), "--start", str(checkpoint), "--out", str(tmp_path / "runs" / "further")]
    adamatch_cyclic.main([*further, "--versions", "2", "--epochs", "1", "--learning-rate", "0"])
    before, after = (
        load(folder).model.state_dict() for folder in (checkpoint, tmp_path / "runs/further/checkpoint")
    )
    assert all(torch.equal(tensor, after[name]) for name, tensor in before.items())
