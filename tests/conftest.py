"""A checkpoint folder with three tiny models of random weights, and radiographs drawn for them."""

from dataclasses import replace

import numpy as np
import pytest

from radui.processing.vocabulary import Vocabulary
from radui.records import Preprocessing, Radiograph

SIZE = 64
WORDS = ("heart", "lungs", "clear", "large", "effusion", "left", "no", "normal", "the", "xxxx", "<unk>", ".")


@pytest.fixture(scope="session")
def vocabulary():
    return Vocabulary(tuple(sorted(WORDS)))


@pytest.fixture(scope="session")
def draw():
    """draw(seed, (width, height), view): smooth noise about a bright block, different for each seed."""

    def draw(seed, size=(96, 80), view=None):
        width, height = size
        random = np.random.default_rng(seed)
        pixels = np.kron(random.uniform(size=(8, 8)), np.ones((height // 8, width // 8))).astype(np.float32)
        display = (pixels * 255).astype(np.uint8)
        return Radiograph(display, pixels, view)

    return draw


@pytest.fixture(scope="session")
def xpronet_config(vocabulary):
    from radui.models.xpronet import XProNetConfig
    from radui.nn.decoding import BeamConfig
    from radui.nn.prototypes import PrototypeConfig
    from radui.nn.transformer import TransformerConfig

    return XProNetConfig(
        vocabulary=len(vocabulary),
        preprocessing=Preprocessing(size=SIZE),
        transformer=TransformerConfig(16, 2, 24, encoder_layers=1, decoder_layers=2),
        prototypes=PrototypeConfig(per_label=5, features=12, gamma=3, heads=2),
        decoding=BeamConfig(beams=3, max_length=9),
    )


@pytest.fixture(scope="session")
def awake():
    """awake(backbone): random weights whose features differ from picture to picture, in place.

    With running statistics of 0 and 1 the signal of random filters dies out within a few blocks.
    """
    import torch
    from torch import nn

    def awake(backbone):
        norms = [each for each in backbone.modules() if isinstance(each, nn.BatchNorm2d)]
        for norm in norms:
            norm.momentum = None
        backbone.train()
        with torch.no_grad():
            backbone(torch.randn(4, 1, SIZE, SIZE, generator=torch.Generator().manual_seed(5)))
        return backbone.eval()

    return awake


@pytest.fixture(scope="session")
def xpronet(xpronet_config, awake):
    """A tiny XProNet that writes several different words for different pictures."""
    import torch

    from radui.models.xpronet import XProNet

    torch.manual_seed(16)
    model = XProNet(xpronet_config).eval()
    awake(model.backbone)
    with torch.no_grad():
        for layer in model.decoder.layers:
            layer.cross.key_value.weight *= 6  # else the words hardly depend on the pictures
        model.prototypes.matrix *= xpronet_config.prototypes.features**-0.5  # quiet beside the words
        model.output.weight *= 6
        model.output.bias[0] -= 1.5
    return model.requires_grad_(False)


@pytest.fixture(scope="session")
def trained(tmp_path_factory, xpronet, vocabulary):
    """The folder of checkpoints: gate, observation_classifier and xpronet, the last two of one backbone."""
    import torch

    from radui.models import registry
    from radui.models.gate import Gate, GateConfig
    from radui.models.observation_classifier import ObservationClassifier, ObservationClassifierConfig

    root = tmp_path_factory.mktemp("checkpoints")
    torch.manual_seed(12)
    preprocessing = xpronet.config.preprocessing
    gate = Gate(GateConfig(preprocessing=preprocessing, threshold=0.7))
    torch.nn.init.zeros_(gate.head.weight)
    gate.head.bias.data = torch.tensor([0.2, 0.5, 0.3]).log()
    classifier = ObservationClassifier(ObservationClassifierConfig(preprocessing=preprocessing))
    classifier.backbone.load_state_dict(xpronet.backbone.state_dict())
    classifier.head.weight.data *= 20
    classifier.config = replace(classifier.config, thresholds=(0.6,) * 14)
    for name, model in (("gate", gate), ("observation_classifier", classifier), ("xpronet", xpronet)):
        registry.save(root / name, name, model, {"training": {"data": "random weights"}})
    vocabulary.save(root / "xpronet" / "vocab.json")
    return root


@pytest.fixture(scope="session")
def medrat_config(vocabulary):
    from radui.models.medrat import MedRATConfig
    from radui.nn.decoding import BeamConfig
    from radui.nn.memory import MemoryConfig
    from radui.nn.transformer import TransformerConfig

    return MedRATConfig(
        vocabulary=len(vocabulary),
        preprocessing=Preprocessing(size=SIZE),
        transformer=TransformerConfig(16, 2, 24, encoder_layers=1, decoder_layers=2),
        memory=MemoryConfig(slots=12, read=4, heads=2),
        decoding=BeamConfig(beams=3, max_length=9),
    )


@pytest.fixture(scope="session")
def medrat(medrat_config, awake):
    """A tiny MedRAT that writes several different words for different pictures."""
    import torch

    from radui.models.medrat import MedRAT

    torch.manual_seed(17)
    model = MedRAT(medrat_config).eval()
    awake(model.backbone)
    with torch.no_grad():
        for layer in model.decoder.layers:
            layer.cross.key_value.weight *= 6  # else the words hardly depend on the pictures
        model.output.weight *= 6
        model.output.bias[0] -= 4.0
    return model.requires_grad_(False)


@pytest.fixture(scope="session")
def tokenizer():
    """Sub-words of a few reports and of everything that OTDRG's prompt can say."""
    from radui.processing.prompts import prompt_texts
    from radui.processing.tokenizer import ReportTokenizer

    reports = ["the heart is large .", "no effusion . lungs clear . the left effusion xxxx ."]
    return ReportTokenizer.build([*reports * 3, *prompt_texts()], 260)


@pytest.fixture(scope="session")
def otdrg(tokenizer, awake):
    """A tiny OTDRG that writes different words for different pictures and labels."""
    import torch

    from radui.models.otdrg import OTDRG, OTDRGConfig
    from radui.nn.backbones import BackboneConfig
    from radui.nn.decoding import BeamConfig
    from radui.nn.language_model import LanguageModelConfig
    from radui.processing.prompts import PromptTokens

    prompts = PromptTokens.of(tokenizer)
    sizes = {"width": 32, "layers": 2, "heads": 2, "key_value_heads": 1, "feedforward": 48, "lora_rank": 2}
    config = OTDRGConfig(
        backbone=BackboneConfig("efficientnet_lite0"),
        preprocessing=Preprocessing(size=SIZE),
        language_model=LanguageModelConfig(vocabulary=len(tokenizer), **sizes),
        decoding=BeamConfig(beams=3, max_length=12),
        instruction_length=len(prompts.instruction),
        label_length=prompts.longest,
    )
    torch.manual_seed(21)
    model = OTDRG(config).eval()
    awake(model.backbone)
    with torch.no_grad():
        for name, parameter in model.language_model.named_parameters():
            if ".lora_B" in name or "embed" in name or "head" in name:
                parameter.normal_(std=0.5)
        model.view_embedding.weight.normal_()
        # Seed 8 is one whose report has several words of several tokens, settled one after the other.
        head = model.language_model.base.lm_head.weight
        head.copy_(torch.randn(head.shape, generator=torch.Generator().manual_seed(8)))
    model.write_prompts(prompts)
    return model.requires_grad_(False)
