"""Training of the VQ-GAN on drawn studies, and the parts of its loss."""

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch.utils.data import TensorDataset

from radui.models.adamatch_cyclic import AdaMatchCyclic, AdaMatchCyclicConfig
from radui.models.registry import load, save
from radui.models.vqgan import VQGAN, VQGANConfig
from radui.nn.backbones import BackboneConfig, build_backbone
from radui.nn.language_model import LanguageModelConfig
from radui.nn.quantizer import QuantizerConfig
from radui.records import Preprocessing
from train import vqgan, vqgan_players
from train.adversary import PatchDiscriminator, balanced_pull, certainty, hinge
from train.data.synthetic import write_synthetic
from train.perceptual import PerceptualDistance, random_window
from train.reconstruction import figure, score_reconstructions
from train.vqgan import Pictures
from train.vqgan_players import Objective, Players

CLASSIFIER = Path(__file__).parents[2] / "checkpoints" / "observation_classifier"
TINY = VQGANConfig(
    channels=16,
    multipliers=(1, 1),
    attention=False,
    quantizer=QuantizerConfig(codes=32, width=4),
    preprocessing=Preprocessing(64, "squash", 64, 0.0, 1.0),
)
SMALL = {"vocabulary": 20, "width": 16, "layers": 1, "heads": 2, "key_value_heads": 1, "feedforward": 16}


@pytest.fixture(scope="module")
def distance():
    torch.manual_seed(1)
    return PerceptualDistance(build_backbone(BackboneConfig()), Preprocessing(), window=0)


@pytest.fixture
def real():
    return torch.rand(2, 1, 64, 64, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def players():
    def players(distance=None, **weights):
        torch.manual_seed(2)
        return Players(VQGAN(TINY), Objective(window=0, **weights), distance).train()

    return players


def gradients(module):
    return [each.grad for each in module.parameters() if each.requires_grad]


class TestParts:
    def test_equal_pictures_have_no_distance(self, distance, real):
        assert distance(real, real).item() == 0
        assert distance(real.flip(-1), real).item() > 0

    def test_the_distance_moves_the_drawn_picture_and_not_the_backbone(self, distance, real):
        drawn = real.flip(-1).requires_grad_(True)
        distance(drawn, real).backward()
        assert drawn.grad.any()
        assert not any(each.requires_grad for each in distance.backbone.parameters())

    def test_a_window_is_the_same_place_of_both(self, real):
        first, second = random_window(16, real, real + 5)
        assert first.shape == (2, 1, 16, 16)
        assert torch.equal(second, first + 5)
        assert random_window(0, real)[0].shape == real.shape

    def test_the_hinge_is_nothing_where_the_judgement_is_sure(self):
        assert hinge(torch.tensor([1.5]), torch.tensor([-2.0])).item() == 0
        assert hinge(torch.tensor([0.0]), torch.tensor([0.5])).item() == pytest.approx((1 + 1.5) / 2)

    def test_the_discriminator_judges_patches(self, real):
        assert PatchDiscriminator(8)(real).shape == (2, 1, 6, 6)

    def test_both_pulls_have_the_strengths_that_were_asked_for(self):
        drawn = torch.tensor([1.0, 2.0], requires_grad=True)
        pixels = drawn.detach().requires_grad_(True)
        likeness, deception = (3 * pixels[0]).sum(), (50 * pixels[1]).sum()
        pull = balanced_pull(drawn, likeness, deception, pixels, torch.tensor(0.5))
        pull.surrogate.backward()
        assert drawn.grad.tolist() == pytest.approx([3.0, 1.5])
        assert pull.weight.item() == pytest.approx(0.5 * 3 / 50)


class TestPlayers:
    def test_the_surrogate_has_the_gradient_of_the_reconstruction_loss(self, players, real):
        """Without opponent and distance that is L1 and the quantizer's loss, computed plainly beside it."""
        first, second = players(), players()
        torch.manual_seed(9)
        found = first(real, False)
        found["loss"].backward()
        torch.manual_seed(9)
        made = second.generator(real)
        plain = (made.pixels - real).abs().mean() + made.loss
        plain.backward()
        assert found["loss"].item() == pytest.approx(plain.item(), rel=1e-5)
        pairs = zip(gradients(first.generator), gradients(second.generator), strict=True)
        assert all(torch.allclose(a, b, atol=1e-6) for a, b in pairs)

    def test_before_it_plays_the_discriminator_learns_nothing(self, players, real):
        made = players()
        made(real, False)["loss"].backward()
        assert not any(each.any() for each in gradients(made.discriminator))

    def test_the_discriminator_learns_from_its_own_loss_alone(self, players, real):
        made = players()
        torch.manual_seed(9)
        found = made(real, True)
        found["loss"].backward()
        mine = [each.clone() for each in gradients(made.discriminator)]
        other = players()
        torch.manual_seed(9)
        drawn = other.generator(real).pixels.detach()
        hinge(other.discriminator(real), other.discriminator(drawn)).backward()
        pairs = zip(mine, gradients(other.discriminator), strict=True)
        assert all(torch.allclose(a, b, atol=1e-6) for a, b in pairs)

    def test_an_opponent_that_guesses_has_no_pull(self):
        judgements = torch.tensor([1.2, 1.0, 0.4, 0.0])
        assert certainty(judgements).tolist() == pytest.approx([0, 0, 0.6, 1])

    def test_the_opponent_changes_what_the_generator_learns(self, players, real, monkeypatch):
        monkeypatch.setattr(vqgan_players, "certainty", lambda judgement: torch.tensor(1.0))
        learned = []
        for plays in (False, True):
            made = players()
            torch.manual_seed(9)
            made(real, plays)["loss"].backward()
            learned.append(torch.cat([each.flatten() for each in gradients(made.generator.decoder)]))
        assert not torch.allclose(*learned)

    def test_a_decoder_alone_leaves_every_code_as_it_is(self, players, real):
        made = players(decoder_only=True)
        before = {name: each.clone() for name, each in made.generator.state_dict().items()}
        optimizer = torch.optim.SGD([each for each in made.parameters() if each.requires_grad], 0.1)
        made(real, True)["loss"].backward()
        optimizer.step()
        changed = [
            name for name, each in made.generator.state_dict().items() if not torch.equal(each, before[name])
        ]
        assert changed
        assert all(name.startswith("decoder.") for name in changed)

    def test_each_part_is_logged(self, players, distance, real):
        found = players(distance)(real, True)
        names = {"loss", "l1", "perceptual", "discriminator", "adversarial_weight", "commitment", "usage"}
        assert found.keys() == names
        assert all(value.isfinite() for value in found.values())


def test_reconstruction_scores_of_a_known_difference(monkeypatch):
    """Pictures that come back 0.1 darker: L1 0.1 and PSNR 20 dB."""
    model = VQGAN(TINY).eval()

    def darker(pixels):
        made = VQGAN.forward(model, pixels)
        return type(made)(pixels - 0.1, made.codes, made.loss)

    monkeypatch.setattr(model, "forward", darker)
    pictures = 0.2 + 0.6 * torch.rand(3, 1, 64, 64, generator=torch.Generator().manual_seed(1))
    scores = score_reconstructions(model, [row for (row,) in TensorDataset(pictures)])
    assert scores["pictures"] == 3
    assert scores["L1"] == pytest.approx(0.1, abs=1e-5)
    assert scores["PSNR"] == pytest.approx(20, abs=1e-3)
    assert 0.8 < scores["SSIM"] < 1
    assert 1 <= scores["perplexity"] <= 32


def test_the_figure_has_pictures_above_reconstructions(tmp_path):
    pictures = [torch.rand(1, 64, 64) for _ in range(4)]
    figure(VQGAN(TINY), pictures, tmp_path / "new" / "look.png", 4)
    drawn = cv2.imread(str(tmp_path / "new" / "look.png"), cv2.IMREAD_GRAYSCALE)
    assert drawn.shape == (128, 256)
    above = (torch.cat(pictures, -1)[0].numpy() * 255).round()
    assert np.abs(drawn[:64] - above).max() <= 1


def test_pictures_are_scaled_to_one():
    stored = np.arange(3, dtype=np.uint8)[:, None, None].repeat(4, 1).repeat(4, 2) * 100
    data = Pictures(stored, [2, 0])
    assert len(data) == 2
    assert data[0].shape == (1, 4, 4)
    assert data[0].max() == pytest.approx(200 / 255)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("drawn")
    write_synthetic(root, 6)
    return root


def test_a_run_becomes_a_checkpoint_that_is_measured(data, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("train.loop.plot_curves", lambda log, out: None)
    out = tmp_path / "vqgan"
    common = ["--data", str(data), "--classifier", str(CLASSIFIER), "--out", str(out), "--channels", "16"]
    train = [*common, "--batch-size", "2", "--adversarial-from", "1"]
    vqgan.main([*train, "--epochs", "1"])
    vqgan.main([*train, "--epochs", "2", "--resume"])
    with (out / "log.csv").open() as file:
        first, second = csv.DictReader(file)
    assert not first["discriminator"]
    assert float(second["discriminator"]) > 0
    assert 0 < float(second["val_usage"]) <= 1
    assert float(second["score"]) < 0
    model = load(out / "checkpoint").model
    assert model.config.channels == 16
    assert model.encode(torch.zeros(1, 1, 256, 256)).shape == (1, 16, 16)
    capsys.readouterr()
    vqgan.main([*common, "--evaluate", str(out / "checkpoint")])
    printed = dict(line.split() for line in capsys.readouterr().out.splitlines())
    assert printed.keys() == {"pictures", "L1", "PSNR", "SSIM", "usage", "perplexity"}
    assert 5 < float(printed["PSNR"]) < 60


def test_the_options_choose_the_configuration():
    def config(*arguments):
        return vqgan.build_config(vqgan.parse(["--data", "d", *arguments]))

    assert config("--paper").channels == 128
    assert config("--channels", "32").channels == 32
    assert not config("--gradient-codebook").quantizer.average
    assert config("--no-restart").quantizer.restart_below == 0
    assert config().quantizer == QuantizerConfig()


class TestDecoderOfACheckpoint:
    @pytest.fixture
    def checkpoint(self, tmp_path):
        torch.manual_seed(4)
        model = AdaMatchCyclic(AdaMatchCyclicConfig(vqgan=TINY, language_model=LanguageModelConfig(**SMALL)))
        save(tmp_path / "cyclic", "adamatch_cyclic", model, {})
        return model, tmp_path / "cyclic"

    def test_it_draws_what_the_new_one_draws(self, checkpoint):
        model, folder = checkpoint
        other = VQGAN(TINY)
        other.load_state_dict(model.vqgan.state_dict())
        for each in other.decoder.parameters():
            each.data += 0.1
        vqgan.put_decoder(other.eval(), folder)
        codes = torch.arange(32)[:16].view(1, 4, 4)
        found = load(folder).model.vqgan.decode_codes(codes)
        torch.testing.assert_close(found, other.decode_codes(codes), atol=0.02, rtol=0)
        assert (found - model.vqgan.eval().decode_codes(codes)).abs().max() > 0.05

    def test_other_codes_are_refused(self, checkpoint):
        torch.manual_seed(5)
        with pytest.raises(ValueError, match="another encoder"):
            vqgan.put_decoder(VQGAN(TINY), checkpoint[1])
