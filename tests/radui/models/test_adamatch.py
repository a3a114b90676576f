from dataclasses import replace

import pytest
import torch

from radui.models.adamatch import PAPER, AdaMatch, AdaMatchConfig
from radui.models.registry import load, save
from radui.nn.adapatch import regular_boxes
from radui.nn.pvt import StageConfig
from radui.nn.text_encoder import TextConfig
from radui.records import Preprocessing

TEXT = TextConfig(vocabulary=13, width=16, layers=1, heads=2, feedforward=32, positions=12)
TINY = AdaMatchConfig(
    backbone=None,
    preprocessing=Preprocessing(size=32),
    stages=(
        StageConfig(8, 8, heads=2, reduction=2),
        StageConfig(4, 8, heads=2),
        StageConfig(2, 12, heads=2),
        StageConfig(1, 16, heads=2),
    ),
    width=8,
    text=TEXT,
)


def build(config, seed=0):
    torch.manual_seed(seed)
    return AdaMatch(config).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def model():
    return build(TINY)


@pytest.fixture(scope="module")
def pixels():
    return torch.randn(3, 2, 1, 32, 32, generator=torch.Generator().manual_seed(1))


def test_a_picture_becomes_unit_patches_on_the_regular_grid(model, pixels):
    found = model.image(pixels[:, 0])
    assert found.features.shape == (3, 4, 8)
    torch.testing.assert_close(found.features.norm(dim=-1), torch.ones(3, 4))
    torch.testing.assert_close(found.boxes, regular_boxes(2).expand(3, -1, -1), atol=1e-6, rtol=0)
    torch.testing.assert_close(found.anchors, regular_boxes(2).expand(3, -1, -1))
    assert found.mask.all()


def test_moved_boxes_change_the_patches(pixels):
    still, moved = build(TINY), build(TINY)
    moved.adapatches[-1].predictor.output.bias[0] = 1.0
    before, after = (each.image(pixels[:, 0]) for each in (still, moved))
    assert (after.boxes[..., 0] > before.boxes[..., 0]).all()
    assert (after.features - before.features).abs().max() > 1e-3
    torch.testing.assert_close(after.anchors, before.anchors)


@pytest.mark.parametrize(("stage", "patches"), [(2, 16), (3, 4), (4, 1)])
def test_the_matched_stage_is_a_setting(stage, patches, pixels):
    model = build(replace(TINY, match_stage=stage))
    assert model.image(pixels[:, 0]).features.shape == (3, patches, 8)
    assert len(model.stages) == stage - 1


def test_without_adapatch_nothing_predicts_boxes(pixels):
    model = build(replace(TINY, adaptive=False))
    assert not [name for name, _ in model.named_parameters() if "predictor" in name]
    found = model.image(pixels[:, 0])
    torch.testing.assert_close(found.boxes, found.anchors)


def test_a_study_is_the_patches_of_its_views_one_after_the_other(model, pixels):
    mask = torch.tensor([[True, True], [True, False], [False, True]])
    found = model.study(model.features(pixels.flatten(0, 1))[0].unflatten(0, (3, 2))[None], mask)
    first, second = model.image(pixels[:, 0]), model.image(pixels[:, 1])
    assert found.mask.tolist() == [[True] * 8, [True] * 4 + [False] * 4, [False] * 4 + [True] * 4]
    torch.testing.assert_close(found.features[0], torch.cat([first.features[0], second.features[0]]))
    torch.testing.assert_close(found.features[2, 4:], second.features[2])
    torch.testing.assert_close(found.boxes[1, :4], first.boxes[1])


def test_words_are_unit_and_padding_changes_none(model):
    mask = torch.tensor([[True, True, True, False]])
    words = model.text(torch.tensor([[3, 4, 5, 9]]), mask)
    alone = model.text(torch.tensor([[3, 4, 5]]), mask[:, :3])
    torch.testing.assert_close(words[:, :3], alone, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(words.norm(dim=-1), torch.ones(1, 4))


def test_match_gives_every_study_with_every_report(model, pixels):
    patches = model.image(pixels[:, 0])
    tokens, mask = torch.tensor([[3, 4], [5, 0]]), torch.tensor([[True, True], [True, False]])
    found = model.match(patches, model.text(tokens, mask), mask)
    assert found.image.shape == found.text.shape == (3, 2)
    cosines = patches.features[2] @ model.text(tokens, mask)[1, 0]
    torch.testing.assert_close(found.text[2, 1], cosines.max())
    torch.testing.assert_close(found.image[2, 1], cosines.mean())


class TestBackbone:
    @pytest.fixture
    def model(self, awake):
        stages = (StageConfig(4, 8), StageConfig(4, 8, heads=2), StageConfig(2, 12, heads=2))
        config = AdaMatchConfig(preprocessing=Preprocessing(size=64), stages=stages, width=8, text=TEXT)
        torch.manual_seed(0)
        model = AdaMatch(config)
        awake(model.backbone)
        return model

    def test_its_maps_can_be_kept_and_read_later(self, model):
        pixels = torch.randn(2, 1, 64, 64)
        model.eval()
        fine, coarse = model.features(pixels)
        assert (fine.shape, coarse.shape) == ((2, 112, 4, 4), (2, 1280, 2, 2))
        torch.testing.assert_close(model.patches((fine, coarse)).features, model.image(pixels).features)

    def test_it_stays_as_it_is_while_the_rest_learns(self, model):
        model.train()
        assert not model.backbone.training
        assert model.stages.training
        model.image(torch.randn(2, 1, 64, 64)).features.sum().backward()
        assert all(each.grad is None for each in model.backbone.parameters())
        assert model.fusion.projections[1].weight.grad.abs().sum() > 0


def test_every_parameter_learns():
    torch.manual_seed(0)
    model = AdaMatch(TINY).train()
    patches = model.image(torch.randn(2, 1, 32, 32))
    mask = torch.ones(2, 3, dtype=torch.bool)
    found = model.match(patches, model.text(torch.tensor([[1, 2, 3], [4, 5, 6]]), mask), mask)
    (model.scale() * (found.image.sum() + found.text.sum())).backward()
    assert [name for name, each in model.named_parameters() if each.grad is None] == []


def test_a_saved_model_comes_back(model, pixels, tmp_path):
    save(tmp_path / "adamatch", "adamatch", model, {}, half=False)
    again = load(tmp_path / "adamatch").model
    assert again.config == TINY
    torch.testing.assert_close(again.image(pixels[:, 0]).features, model.image(pixels[:, 0]).features)


def test_a_stage_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="between 2 and 4"):
        replace(TINY, match_stage=5)


def test_the_papers_sizes():
    with torch.device("meta"):
        model = AdaMatch(PAPER)
    assert [len(stage.blocks) for stage in (model.first_stage, *model.stages)] == [3, 4, 18]
    assert model.embedding.projection.kernel_size == (4, 4)
    assert model.adapatches[-1].anchors.shape == (256, 4)
    assert model.project_text.weight.shape == (256, 768)
