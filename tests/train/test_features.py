import numpy as np
import pytest
import torch
from torch import nn

from radui.records import Preprocessing
from train.features import cached_grids, fingerprint

PREPROCESSING = Preprocessing(size=32)


@pytest.fixture
def pictures():
    return np.random.default_rng(0).integers(0, 255, (35, 64, 64), np.uint8)


@pytest.fixture
def backbone():
    """One convolution to a (5, 2, 2) grid, and a count of the pictures that it read."""
    torch.manual_seed(0)
    backbone = nn.Sequential(nn.Conv2d(1, 5, 16, stride=16), nn.Dropout(0.5))
    backbone.read = 0

    def count(module, inputs, output):
        backbone.read += len(output)

    backbone.register_forward_hook(count)
    return backbone


def test_features_are_the_backbones_of_the_plain_picture(backbone, pictures, tmp_path):
    from train.pictures import plain

    grids = cached_grids(backbone, pictures, PREPROCESSING, 0, tmp_path)
    assert grids.shape == (35, 5, 2, 2)
    assert grids.dtype == np.float16
    pixels = torch.from_numpy(np.stack([plain(each, PREPROCESSING) for each in pictures]))[:, None]
    expected = backbone.eval()(pixels).detach().numpy()
    np.testing.assert_allclose(grids, expected, atol=0.03)


def test_a_second_call_reads_the_file(backbone, pictures, tmp_path):
    first = cached_grids(backbone, pictures, PREPROCESSING, 0, tmp_path)
    assert backbone.read == 35
    second = cached_grids(backbone, pictures, PREPROCESSING, 0, tmp_path)
    assert backbone.read == 35
    np.testing.assert_array_equal(first, second)
    assert len(list(tmp_path.iterdir())) == 1


def test_other_weights_pictures_and_versions_have_other_files(backbone, pictures, tmp_path):
    first = cached_grids(backbone, pictures, PREPROCESSING, 0, tmp_path)
    warped = cached_grids(backbone, pictures, PREPROCESSING, 1, tmp_path)
    mirrored = cached_grids(backbone, np.ascontiguousarray(pictures[:, :, ::-1]), PREPROCESSING, 0, tmp_path)
    with torch.no_grad():
        backbone[0].weight[0, 0, 0, 0] += 0.5
    trained = cached_grids(backbone, pictures, PREPROCESSING, 0, tmp_path)
    assert len(list(tmp_path.iterdir())) == 4
    for other in (warped, mirrored, trained):
        assert not np.array_equal(first, other)


def test_an_unfinished_file_is_not_taken(backbone, pictures, tmp_path, monkeypatch):
    """A run that is killed while it computes leaves nothing that a later one would read."""
    from train import features

    forward = features._forward

    def killed(*arguments):
        if backbone.read:
            raise InterruptedError
        return forward(*arguments)

    monkeypatch.setattr(features, "_forward", killed)
    with pytest.raises(InterruptedError):
        cached_grids(backbone, pictures, PREPROCESSING, 0, tmp_path)
    monkeypatch.setattr(features, "_forward", forward)
    grids = cached_grids(backbone, pictures, PREPROCESSING, 0, tmp_path)
    assert backbone.read == 32 + 35
    assert np.abs(grids[-1]).max() > 0


def test_a_kept_file_is_of_the_seed(backbone, pictures, tmp_path):
    first = cached_grids(backbone, pictures, PREPROCESSING, 1, tmp_path / "a", seed=1)
    again = cached_grids(backbone, pictures, PREPROCESSING, 1, tmp_path / "b", seed=1)
    other = cached_grids(backbone, pictures, PREPROCESSING, 1, tmp_path / "c", seed=2)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_fingerprint_is_of_the_weights_as_they_ship(backbone, pictures):
    before = fingerprint(backbone, pictures)
    assert len(before) == 12
    with torch.no_grad():
        for parameter in backbone.parameters():
            parameter.copy_(parameter.half().float())
    assert fingerprint(backbone, pictures) == before
    with torch.no_grad():
        backbone[0].bias[3] += 1
    assert fingerprint(backbone, pictures) != before
