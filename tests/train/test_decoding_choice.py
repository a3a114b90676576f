import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from radui.models import registry
from radui.models.observation_classifier import ObservationClassifier, ObservationClassifierConfig
from train.decoding_choice import Setting, main, score_settings, write_setting
from train.generate import Encoded, decode_reports


@pytest.fixture
def batches(xpronet):
    pixels = torch.randn(3, 2, 1, 64, 64, generator=torch.Generator().manual_seed(3))
    labels = torch.zeros(3, 14, dtype=torch.bool)
    labels[:, 1] = True
    return [Encoded(xpronet.grids(pixels), torch.ones(3, 2, dtype=torch.bool), labels)]


def test_each_setting_is_decoded_and_the_model_left_as_it_was(xpronet, vocabulary, batches):
    before, reference = xpronet.config, decode_reports(xpronet, vocabulary, batches)
    settings = [Setting(0.0, 0.0, 0), Setting(0.0, 4.0, 0)]
    plain, guided = score_settings(xpronet, vocabulary, batches, reference, reference, settings)
    assert xpronet.config is before
    assert plain["BLEU-4"] == pytest.approx(1.0, abs=1e-3), "it writes the references again"
    assert guided["BLEU-4"] < plain["BLEU-4"]


@pytest.fixture
def checkpoint(xpronet, xpronet_config, vocabulary, tmp_path):
    folder = tmp_path / "checkpoints" / "xpronet"
    registry.save(folder, "xpronet", xpronet, {"training": {"epochs": 3}})
    vocabulary.save(folder / "vocab.json")
    sizes = ObservationClassifierConfig(preprocessing=xpronet_config.preprocessing)
    torch.manual_seed(0)
    registry.save(
        folder.parent / "observation_classifier", "observation_classifier", ObservationClassifier(sizes), {}
    )
    return folder


def test_the_choice_is_written_into_the_config_and_loads(checkpoint, xpronet):
    scores = {name: 0.25 for name in ("score", "BLEU-4", "CIDEr", "CE-14 macro F1", "distinct")}
    write_setting(checkpoint, Setting(1.4, 0.5, 4), scores)
    config = registry.load(checkpoint).model.config
    decoding = replace(xpronet.config.decoding, length_penalty=1.4, no_repeat=4)
    assert config == replace(xpronet.config, decoding=decoding, guidance=0.5)
    document = json.loads((checkpoint / "config.json").read_text())
    assert (document["training"], document["decoding_choice"]["score"]) == ({"epochs": 3}, 0.25)


def test_the_command_chooses_on_val_alone(checkpoint, tmp_path, capsys):
    annotation = {"train": [], "val": [], "test": []}
    for split in annotation:
        for i in range(3):
            picture = tmp_path / "data" / "images" / f"{split}{i}" / "0.png"
            picture.parent.mkdir(parents=True)
            noise = np.random.default_rng(i).integers(0, 255, (80, 80), np.uint8)
            Image.fromarray(noise).save(picture)
            text = "The heart is large. The lungs are clear."
            row = {"id": f"{split}{i}", "report": text, "image_path": [f"{split}{i}/0.png"], "split": split}
            annotation[split].append(row)
    (tmp_path / "data" / "annotation.json").write_text(json.dumps(annotation))
    main(
        [
            "--checkpoint",
            str(checkpoint),
            "--data",
            str(tmp_path / "data"),
            "--guidances",
            "0",
            "1",
            "--length-penalties",
            "0.5",
            "--write",
        ]
    )
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5, "two guidances, with and without repeats, and the best"
    assert lines[-1].startswith("best: length penalty 0.5")
    assert registry.load(checkpoint).model.config.decoding.length_penalty == 0.5
