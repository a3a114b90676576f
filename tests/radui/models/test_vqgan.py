import pytest
import torch

from radui.models.registry import load, save
from radui.models.vqgan import VQGAN, VQGANConfig, paper_config
from radui.nn.quantizer import QuantizerConfig
from radui.records import Preprocessing

TINY = VQGANConfig(
    channels=16,
    multipliers=(1, 2),
    quantizer=QuantizerConfig(codes=32, width=4),
    preprocessing=Preprocessing(32, "squash", 32, 0.0, 1.0),
)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(3)
    return VQGAN(TINY).eval()


@pytest.fixture(scope="module")
def pixels():
    return torch.rand(2, 1, 32, 32, generator=torch.Generator().manual_seed(4))


def test_a_picture_is_a_grid_of_codes(model, pixels):
    codes = model.encode(pixels)
    assert codes.shape == (2, TINY.grid, TINY.grid) == (2, 4, 4)
    assert codes.dtype == torch.int64
    assert 0 <= codes.min() <= codes.max() < 32


def test_codes_become_pixels_within_the_range(model, pixels):
    drawn = model.decode_codes(model.encode(pixels))
    assert drawn.shape == pixels.shape
    assert drawn.dtype == torch.float32
    assert 0 <= drawn.min() <= drawn.max() <= 1


def test_the_codes_are_what_the_training_pass_sees(model, pixels):
    with torch.no_grad():
        made = model(pixels)
    assert torch.equal(made.codes, model.encode(pixels))
    assert torch.allclose(made.pixels.clamp(0, 1), model.decode_codes(made.codes), atol=1e-5)


def test_each_picture_is_coded_by_itself(model, pixels):
    assert torch.equal(model.encode(pixels)[1:], model.encode(pixels[1:]))


def test_an_untrained_decoder_draws_other_pixels_for_other_codes(model):
    codes = torch.zeros(2, 4, 4, dtype=torch.long)
    codes[1, 0, 0] = 7
    first, second = model.decode_codes(codes)
    assert not torch.allclose(first, second)


def test_the_reconstruction_loss_reaches_encoder_and_decoder(pixels):
    torch.manual_seed(5)
    model = VQGAN(TINY).train()
    made = model(pixels)
    ((made.pixels - pixels).abs().mean() + made.loss).backward()
    for part in (model.encoder, model.decoder):
        assert all(each.grad is not None and each.grad.any() for each in part.parameters())


def test_the_compact_sizes_give_16_by_16_codes_of_1024():
    assert VQGANConfig().grid == 16
    assert VQGANConfig().quantizer.codes == 1024


def test_the_papers_sizes_are_built_by_the_same_class():
    config = paper_config()
    assert config.grid == 16
    with torch.device("meta"):
        model = VQGAN(config)
    convolutions = [each for each in model.encoder.modules() if isinstance(each, torch.nn.Conv2d)]
    assert (convolutions[0].out_channels, convolutions[-1].out_channels) == (128, 256)
    assert max(each.out_channels for each in convolutions[:-1] if each.kernel_size == (3, 3)) == 512
    assert model.quantizer.codebook.shape == (1024, 256)
    assert model.quantizer.codebook.requires_grad


def test_a_checkpoint_gives_the_same_codes(model, pixels, tmp_path):
    save(tmp_path / "vqgan", "vqgan", model, {}, half=False)
    again = load(tmp_path / "vqgan").model
    assert again.config == TINY
    assert torch.equal(again.encode(pixels), model.encode(pixels))
