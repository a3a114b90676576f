from dataclasses import replace

import pytest
import torch

from radui.models.adamatch_cyclic import PAPER, AdaMatchCyclic, AdaMatchCyclicConfig, Instructions
from radui.models.registry import load, save
from radui.models.vqgan import VQGANConfig
from radui.nn.decoding import BeamConfig, BeamSearch
from radui.nn.guidance import guided
from radui.nn.language_model import LanguageModelConfig
from radui.nn.quantizer import QuantizerConfig
from radui.processing.instructions import Instructor, instruction_texts
from radui.processing.tokenizer import ReportTokenizer
from radui.records import Preprocessing, SamplingConfig

REPORTS = ["the heart is normal .", "the lungs are clear . no effusion ."]
CODES = 32
GREEDY = SamplingConfig(temperature=0.0)


@pytest.fixture(scope="module")
def tokenizer():
    return ReportTokenizer.build([*REPORTS, *instruction_texts()], 300)


@pytest.fixture(scope="module")
def config(tokenizer):
    return AdaMatchCyclicConfig(
        vqgan=VQGANConfig(
            channels=16,
            multipliers=(1, 1),
            quantizer=QuantizerConfig(codes=CODES, width=4),
            preprocessing=Preprocessing(32, "squash", 32, 0.0, 1.0),
        ),
        language_model=LanguageModelConfig("", "", 0, "float32", len(tokenizer), 32, 2, 2, 1, 48),
        decoding=BeamConfig(3, 9, 1.0),
    )


@pytest.fixture(scope="module")
def model(config):
    torch.manual_seed(11)
    model = AdaMatchCyclic(config).eval()
    with torch.no_grad():  # else the untrained model hardly minds what it reads
        for weight in (model.code_embedding.weight, model.place_embedding.weight, model.code_output.weight):
            weight.normal_()
        model.language_model.base.lm_head.weight *= 20
    return model


@pytest.fixture(scope="module")
def instructor(model, tokenizer):
    return Instructor(tokenizer, model.texts)


@pytest.fixture(scope="module")
def pictures(instructor):
    """Two instructions of different length that ask for a picture."""
    return [
        instructor.to_picture("The heart is normal.", "frontal", [1, 2]),
        instructor.to_picture("No.", "lateral", []),
    ]


def last(drawn):
    *_, codes = drawn
    return codes


def lesson(asked, response):
    """Instruction and response of one study, and where the response stands."""
    batch = Instructions.of([asked + response])
    answers = torch.zeros_like(batch.mask)
    answers[0, len(asked.ids) :] = True
    return batch, answers


def test_grids_are_the_codes_of_each_view(model):
    pixels = torch.rand(1, 2, 1, 32, 32)
    grids = model.grids(pixels)
    assert grids.shape == (1, 2, 4, 4)
    assert torch.equal(grids[0], model.vqgan.encode(pixels[0]))


def test_both_kinds_of_token_compete_in_training(model, instructor, pictures):
    with torch.no_grad():
        logits = model(*lesson(pictures[0], instructor.picture(range(16))))
    assert logits.shape == (16, model.texts + CODES)
    assert logits.isfinite().all()


def test_a_picture_is_exactly_its_codes_and_nothing_else(model, pictures):
    steps = list(model.draw(Instructions.of(pictures), SamplingConfig(1.0), torch.Generator().manual_seed(1)))
    assert [step.shape for step in steps] == [(2, n) for n in range(1, 17)]
    assert 0 <= steps[-1].min() <= steps[-1].max() < CODES
    assert torch.equal(steps[4], steps[-1][:, :5])


def test_cached_drawing_takes_what_teacher_forcing_holds_likeliest(model, instructor, pictures):
    codes = last(model.draw(Instructions.of(pictures[1:]), GREEDY))[0]
    with torch.no_grad():
        logits = model(*lesson(pictures[1], instructor.picture(codes.tolist())))
    assert torch.equal(logits[:, model.texts :].argmax(-1), codes)
    assert codes.unique().numel() > 2


def test_padding_changes_no_picture(model, pictures):
    together = last(model.draw(Instructions.of(pictures), GREEDY))
    for row, asked in enumerate(pictures):
        assert torch.equal(together[row], last(model.draw(Instructions.of([asked]), GREEDY))[0])


def test_the_seed_decides_the_picture(model, pictures):
    drawn = [
        last(model.draw(Instructions.of(pictures), SamplingConfig(), torch.Generator().manual_seed(seed)))
        for seed in (5, 5, 6)
    ]
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


def test_guidance_moves_away_from_the_picture_of_no_report(model, instructor, pictures):
    asked = Instructions.of(pictures[:1])
    free = Instructions.of([instructor.to_picture("", "frontal", [])])
    runs = {
        strength: last(model.draw(asked, replace(GREEDY, guidance=strength), unconditional=free))
        for strength in (0.0, 1.0, 500.0)
    }
    assert torch.equal(runs[0.0], last(model.draw(free, GREEDY)))
    assert torch.equal(runs[1.0], last(model.draw(asked, GREEDY)))
    assert not torch.equal(runs[500.0], runs[1.0])


def test_guidance_without_the_other_instructions_is_refused(model, pictures):
    with pytest.raises(ValueError, match="Guidance needs the instructions without a report"):
        next(model.draw(Instructions.of(pictures), SamplingConfig(guidance=2.0)))


def search(model, asked, beams):
    stepper = model.stepper(Instructions.of(asked), beams)
    config = BeamConfig(beams, 9)
    return BeamSearch(stepper, len(asked), config, torch.device("cpu")).run()


def test_a_report_has_no_codes_in_it(model, instructor):
    asked = [instructor.to_report(range(16), ["heart"]), instructor.to_report([3] * 16, [])]
    found = search(model, asked, 3)
    assert all(hypothesis.tokens for hypothesis in found)
    assert all(token < model.texts for hypothesis in found for token in hypothesis.tokens)


def test_cached_writing_agrees_with_teacher_forcing(model, instructor):
    asked = instructor.to_report(range(16), ["heart"])
    found = search(model, [asked], 1)[0]
    response = instructor.text("")
    response = replace(response, ids=tuple(found.tokens), places=(-1,) * len(found.tokens))
    with torch.no_grad():
        logits = model(*lesson(asked, response))[:, : model.texts]
    expected = logits.log_softmax(-1).gather(1, torch.tensor(found.tokens)[:, None])[:, 0]
    assert found.log_probabilities == pytest.approx(expected.tolist(), abs=1e-4)


@torch.inference_mode()
def test_guidance_leads_a_report_away_from_that_of_no_picture(config, model, instructor):
    led = AdaMatchCyclic(replace(config, guidance=2.0)).eval()
    led.load_state_dict(model.state_dict())
    asked, unseen = (Instructions.of([instructor.to_report(codes)]) for codes in (range(16), ()))
    start = torch.tensor([0])
    own, nothing, together = (
        stepper.step(start)[0]
        for stepper in (
            model.stepper(asked, 1, unseen),  # its config asks for no guidance
            model.stepper(unseen, 1),
            led.stepper(asked, 1, unseen),
        )
    )
    assert not torch.allclose(own, nothing, atol=1e-3)
    torch.testing.assert_close(together, guided(own, nothing, 2.0))


def test_padding_changes_no_report(model, instructor):
    asked = [instructor.to_report(range(16), ["heart", "clear", "effusion"]), instructor.to_report([3] * 16)]
    together = [hypothesis.tokens for hypothesis in search(model, asked, 2)]
    assert together == [search(model, [each], 2)[0].tokens for each in asked]


def test_reports_depend_on_the_codes_and_on_where_they_stand(model, instructor):
    with torch.no_grad():
        first, second, third = (
            model(*lesson(instructor.to_report(codes), instructor.report("Clear.", 9)))
            for codes in (range(16), [0] * 16, range(15, -1, -1))
        )
    assert not torch.allclose(first, second)
    assert not torch.allclose(first, third)


def test_places_can_be_switched_off(config, model, instructor):
    plain = AdaMatchCyclic(replace(config, places=False)).eval()
    plain.load_state_dict(model.state_dict())
    batch = Instructions.of([instructor.to_report(range(16))])
    with torch.no_grad():
        placed = model.embed(batch.ids, batch.places) - plain.embed(batch.ids, batch.places)
    codes = batch.ids >= model.texts
    assert torch.allclose(placed[codes], model.place_embedding.weight, atol=1e-6)
    assert not placed[~codes].any()


def test_the_vqgan_never_learns(config):
    model = AdaMatchCyclic(config).train()
    assert not model.vqgan.training
    assert model.language_model.training
    assert not any(each.requires_grad for each in model.vqgan.parameters())


def test_the_shipped_sizes_are_eight_to_twelve_million():
    with torch.device("meta"):
        model = AdaMatchCyclic(AdaMatchCyclicConfig())
    own = sum(each.numel() for name, each in model.named_parameters() if not name.startswith("vqgan."))
    assert 8e6 < own < 12e6


def test_a_checkpoint_draws_the_same(model, pictures, tmp_path):
    save(tmp_path / "adamatch_cyclic", "adamatch_cyclic", model, {}, half=False)
    again = load(tmp_path / "adamatch_cyclic").model
    expected = last(model.draw(Instructions.of(pictures), GREEDY))
    assert torch.equal(last(again.draw(Instructions.of(pictures), GREEDY)), expected)


def test_the_papers_config_names_its_model():
    assert PAPER.language_model.base == "databricks/dolly-v2-3b"
    assert PAPER.preprocessing.size == 256
    assert PAPER.vqgan.grid**2 == 256


@pytest.fixture(scope="module")
def foreign(config, tokenizer, tmp_path_factory):
    """A Hugging Face model of another architecture in a folder, with adapters."""
    from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

    folder = tmp_path_factory.mktemp("neox")
    torch.manual_seed(2)
    sizes = GPTNeoXConfig(
        vocab_size=len(tokenizer) + 10,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=2,
    )
    GPTNeoXForCausalLM(sizes).save_pretrained(folder)
    language = LanguageModelConfig(str(folder), lora_rank=2, lora_targets=("query_key_value",))
    return AdaMatchCyclic(replace(config, language_model=language)).eval()


def test_any_hugging_face_model_gets_the_codes_beside_its_own_words(foreign, tokenizer):
    instructor = Instructor(tokenizer, foreign.texts)
    assert foreign.texts == len(tokenizer) + 10
    codes = last(foreign.draw(Instructions.of([instructor.to_picture("Clear.")]), GREEDY))
    assert codes.shape == (1, 16)
    with torch.no_grad():
        logits = foreign(*lesson(instructor.to_picture("Clear."), instructor.picture(codes[0].tolist())))
    assert torch.equal(logits[:, foreign.texts :].argmax(-1), codes[0])


def test_a_foreign_base_is_not_saved_but_the_codes_rows_are(foreign):
    names = set(foreign.state_dict())
    assert {"code_embedding.weight", "code_output.weight"} <= names
    own = [name for name in names if name.startswith("language_model.")]
    assert own
    assert all(".lora_" in name for name in own)
