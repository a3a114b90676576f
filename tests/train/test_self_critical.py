"""Self-critical training pushes towards reports that score better."""

import torch

from radui.models.xpronet import XProNet, XProNetConfig
from radui.nn.prototypes import PrototypeConfig
from radui.nn.transformer import TransformerConfig
from radui.observations import NO_FINDING, OBSERVATION_INDEX
from radui.processing.vocabulary import Vocabulary
from train.report_data import Batch
from train.rewards import Cider
from train.self_critical import ClinicalReward, SelfCriticalTask

REPORTS = ["the heart is normal", "the lungs are clear", "no pleural effusion", "the heart is enlarged"]


def test_the_reward_rises():
    torch.manual_seed(0)
    vocabulary = Vocabulary.build(REPORTS, threshold=1)
    tiny = TransformerConfig(width=32, heads=4, feedforward=32, encoder_layers=1, decoder_layers=1)
    prototypes = PrototypeConfig(features=8, heads=4, per_label=4, gamma=2)
    model = XProNet(XProNetConfig(vocabulary=len(vocabulary), transformer=tiny, prototypes=prototypes))
    task = object.__new__(SelfCriticalTask)  # without a val split: the loss alone is of interest
    task.model, task.vocabulary, task.clinical = model, vocabulary, ClinicalReward()
    tokens = torch.zeros(len(REPORTS), 8, dtype=torch.long)
    for row, report in enumerate(REPORTS):
        ids = vocabulary.encode(report)
        tokens[row, : len(ids)] = torch.tensor(ids)
    task.cider = Cider([vocabulary.words(row) for row in tokens.tolist()])
    labels = torch.zeros(len(REPORTS), 14, dtype=torch.bool)
    labels[:, OBSERVATION_INDEX[NO_FINDING]] = True
    grids = torch.randn(len(REPORTS), 2, model.backbone.channels, 1, 1)
    batch = Batch(grids, torch.ones(len(REPORTS), 2, dtype=torch.bool), labels, tokens)
    learned = [p for name, p in model.named_parameters() if not name.startswith("backbone.")]
    optimizer = torch.optim.Adam(learned, lr=3e-3)
    rewards = []
    for _ in range(30):
        losses = task.loss(model, batch)
        optimizer.zero_grad()
        losses["loss"].backward()
        optimizer.step()
        rewards.append(float(losses["reward"]))
    assert sum(rewards[-5:]) > 1.5 * sum(rewards[:5])
