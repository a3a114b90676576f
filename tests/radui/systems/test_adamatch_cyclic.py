import itertools
import json
import math
import shutil

import numpy as np
import pytest
import torch

from radui.models.adamatch_cyclic import AdaMatchCyclic, AdaMatchCyclicConfig, Instructions
from radui.models.registry import CheckpointError, load, save
from radui.models.vqgan import VQGANConfig
from radui.nn.decoding import BeamConfig, BeamSearch
from radui.nn.language_model import LanguageModelConfig
from radui.nn.quantizer import QuantizerConfig
from radui.processing.instructions import instruction_texts
from radui.processing.tokenizer import ReportTokenizer
from radui.records import Keypatch, Preprocessing, SamplingConfig, Study
from radui.systems.adamatch_cyclic import AdaMatchCyclicSystem, SynthesisError
from radui.systems.inputs import Request, model_input

LABELS = torch.zeros(1, 14, dtype=torch.bool)
REPORT = "The heart is normal. No effusion."


class TwoHints:
    """Notes what it is asked and answers the same."""

    def __init__(self):
        self.asked = []

    def keywords(self, pixels):
        self.asked.append(pixels)
        return ("effusion", "heart")

    def chosen_keypatches(self, report):
        self.asked.append(report)
        return (Keypatch("heart", (0, 0, 0.5, 0.5), (3, 9, 3, 9), ((4, 9),), (0.5,)),)

    def prepared(self, pixels):
        return pixels + 1

    def evidence(self, inputs, report):
        self.asked.append((inputs, report))
        return "patches"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A checkpoint of a tiny model that writes several different words."""
    texts = ["the heart is normal .", "the lungs are clear . no effusion .", *instruction_texts()]
    tokenizer = ReportTokenizer.build(texts, 300)
    torch.manual_seed(21)
    model = AdaMatchCyclic(
        AdaMatchCyclicConfig(
            vqgan=VQGANConfig(
                channels=16,
                multipliers=(1, 1),
                quantizer=QuantizerConfig(codes=32, width=4),
                preprocessing=Preprocessing(32, "squash", 32, 0.0, 1.0),
            ),
            language_model=LanguageModelConfig("", "", 0, "float32", len(tokenizer), 32, 2, 2, 1, 48),
            decoding=BeamConfig(3, 9),
        )
    )
    with torch.no_grad():
        for weight in (model.code_embedding.weight, model.place_embedding.weight, model.code_output.weight):
            weight.normal_()
        model.language_model.base.lm_head.weight *= 20
        within = [i for i in range(len(tokenizer)) if not tokenizer.tokenizer.id_to_token(i).startswith("▁")]
        model.language_model.base.lm_head.weight[within] = 0
    folder = tmp_path_factory.mktemp("checkpoints") / "adamatch_cyclic"
    save(folder, "adamatch_cyclic", model, {}, half=False)
    tokenizer.save(folder / "tokenizer.json")
    return folder


@pytest.fixture(scope="module")
def system(folder):
    return AdaMatchCyclicSystem(load(folder))


@pytest.fixture
def hinted(folder):
    return AdaMatchCyclicSystem(load(folder), TwoHints())


def read(system, *views):
    """Model input and codes of pictures."""
    names = tuple(view.view for view in views)
    inputs = model_input(Study(views), names, system.model.config.preprocessing)
    return inputs, system.model.grids(inputs.pixels)


def predict(system, *views, cancelled=lambda: False):
    request = Request(*read(system, *views), LABELS)
    return [found for _, found in system.predict([request], lambda _: cancelled())]


def test_the_report_is_what_beam_search_finds_of_the_frontal_view(system, draw):
    frontal, lateral = draw(1, view="frontal"), draw(2, view="lateral")
    *_, last = predict(system, lateral, frontal)
    codes = system.model.vqgan.encode(read(system, frontal)[0].pixels[:, 0]).flatten().tolist()
    asked = Instructions.of([system.instructor.to_report(codes, ())])
    search = BeamSearch(system.model.stepper(asked, 3), 1, BeamConfig(3, 9), torch.device("cpu"))
    expected = search.run()[0]
    words = system.instructor.tokenizer.words(expected.tokens)
    assert [token.text.lower() for token in last.tokens] == [word.lower() for word in words]
    total = math.prod(token.probability for token in last.tokens)
    assert total == pytest.approx(math.exp(sum(expected.log_probabilities[: len(expected.tokens)])), rel=1e-3)


def test_a_lateral_view_alone_is_read_too(system, draw):
    inputs, grids = read(system, draw(2, view="lateral"))
    ids = torch.tensor(system._asked(Request(inputs, grids, LABELS)).ids)
    codes = ids[ids >= system.model.texts] - system.model.texts
    assert torch.equal(codes, grids[0, 1].flatten())
    assert not torch.equal(codes, grids[0, 0].flatten())


def test_texts_only_grow(system, draw):
    *partial, last = predict(system, draw(1, view="frontal"))
    assert partial
    assert last.complete
    for before, after in itertools.pairwise([*partial, last]):
        assert after.report.startswith(before.report)


def test_a_cancelled_report_ends(system, draw):
    assert predict(system, draw(1, view="frontal"), cancelled=lambda: True) == []


def test_keywords_of_the_picture_are_in_the_instruction(hinted, draw):
    inputs, grids = read(hinted, draw(1, view="frontal"))
    text = hinted.instructor.tokenizer.tokens(" ### Keywords: effusion, heart")
    ids = list(hinted._asked(Request(inputs, grids, LABELS)).ids)
    assert any(ids[i : i + len(text)] == text for i in range(len(ids)))
    assert torch.equal(hinted.hints.asked[0], inputs.pixels[:, 0])


def test_the_report_is_matched_to_the_patches_of_the_study(hinted, system, draw):
    views = draw(1, view="frontal"), draw(2, view="lateral")
    *_, last = predict(hinted, *views)
    inputs, report = hinted.hints.asked[-1]
    assert last.evidence.patches == "patches"
    assert report == last.report
    expected = read(system, *views)[0]
    assert torch.equal(inputs.pixels, expected.pixels + 1)
    assert inputs.frames == expected.frames
    assert predict(system, *views)[-1].evidence.patches is None


def test_a_checkpoint_trained_with_hints_needs_adamatch_beside_it(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "adamatch_cyclic")
    document = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(document | {"training": {"hints": True}}))
    with pytest.raises(CheckpointError, match="There is no checkpoint adamatch; train it"):
        AdaMatchCyclicSystem(load(copy))


def synthesise(system, **options):
    return list(system.synthesise(REPORT, **options))


def test_a_picture_grows_row_by_row(system):
    *partial, last = synthesise(system, seed=3)
    assert [each.rows_drawn for each in partial] == [8, 16, 24, 32]
    assert [len(each.codes) for each in partial] == [4, 8, 12, 16]
    for each in partial:
        assert not each.complete
        assert not each.pixels[each.rows_drawn :].any()
        assert each.pixels[: each.rows_drawn].any()
    assert last.complete
    assert np.array_equal(last.pixels, partial[-1].pixels)
    codes = torch.tensor(last.codes).view(1, 4, 4)
    expected = system.model.vqgan.decode_codes(codes)[0, 0].numpy() * 255
    assert np.abs(last.pixels - expected).max() <= 0.51


def test_the_seed_draws_the_same_picture_again(system):
    first, again, other = (synthesise(system, seed=seed)[-1] for seed in (3, 3, 4))
    assert first.codes == again.codes
    assert first.codes != other.codes


def test_a_greedy_picture_needs_no_seed(system):
    greedy = SamplingConfig(temperature=0.0)
    first, other = (synthesise(system, seed=seed, sampling=greedy)[-1].codes for seed in (1, 2))
    assert first == other


def test_a_guided_picture_is_drawn(system):
    last = synthesise(system, seed=3, sampling=SamplingConfig(guidance=3.0))[-1]
    assert len(last.codes) == 16
    assert last.sampling.guidance == 3


def test_the_keypatches_of_the_report_are_kept(hinted, system):
    last = synthesise(hinted, seed=3)[-1]
    assert hinted.hints.asked == [REPORT]
    (keypatch,) = last.keypatches
    assert REPORT[slice(*keypatch.spans[0])] == "heart"
    assert synthesise(system, seed=3)[-1].keypatches == ()


def test_a_cancelled_picture_ends(system):
    assert list(system.synthesise(REPORT, cancelled=lambda: True)) == []


def test_the_codes_of_keypatches_are_in_the_instruction_once_each(hinted):
    asked, nothing = hinted._instructions(REPORT, "frontal", hinted.hints.chosen_keypatches(REPORT))
    assert [each - hinted.model.texts for each in asked.ids if each >= hinted.model.texts] == [3, 9]
    assert not [each for each in nothing.ids if each >= hinted.model.texts]


def test_a_keypatch_shows_its_codes_decoded(hinted):
    texture = synthesise(hinted, seed=3)[-1].keypatches[0].texture
    assert (texture.shape, texture.dtype) == ((16, 16), np.uint8)
    whole = hinted.model.vqgan.decode_codes(torch.tensor([[3, 9] * 3] * 6)[None])[0, 0].numpy()
    assert np.abs(texture - whole[16:32, 16:32] * 255).max() <= 0.51


@pytest.mark.parametrize(
    ("report", "message"),
    [
        ("  ", "empty"),
        ("heart " * 200, "has 20. tokens and the model reads 96; shorten it"),
        ("Zyxqu wvutz.", "knows no word"),
        ("心臓は正常", "knows no word"),
    ],
)
def test_reports_that_cannot_be_drawn_say_why(system, report, message):
    with pytest.raises(SynthesisError, match=message):
        next(system.synthesise(report))


def test_a_drawn_picture_can_be_read_back(system):
    from radui.records import Radiograph

    drawn = synthesise(system, seed=3)[-1]
    pixels = drawn.pixels.astype(np.float32) / 255
    *_, last = predict(system, Radiograph(drawn.pixels, pixels, drawn.view))
    assert last.complete
    assert last.report


def test_a_checkpoint_without_its_tokenizer_says_so(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "adamatch_cyclic")
    (copy / "tokenizer.json").unlink()
    with pytest.raises(CheckpointError, match=r"tokenizer\.json of the checkpoint adamatch_cyclic"):
        AdaMatchCyclicSystem(load(copy))


def test_another_checkpoints_tokenizer_is_refused(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "adamatch_cyclic")
    ReportTokenizer.build([" ".join(map(str, range(999)))], 900).save(copy / "tokenizer.json")
    with pytest.raises(CheckpointError, match="tokens where the model knows"):
        AdaMatchCyclicSystem(load(copy))


def test_another_model_is_refused(trained):
    with pytest.raises(CheckpointError, match="of another model"):
        AdaMatchCyclicSystem(load(trained / "xpronet"))
