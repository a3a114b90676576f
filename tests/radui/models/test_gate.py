import torch

from radui.models.gate import CLASSES, Gate, GateConfig


def test_gate_gives_three_logits_a_picture(awake):
    torch.manual_seed(0)
    gate = Gate(GateConfig()).eval()
    awake(gate.backbone)
    with torch.inference_mode():
        logits = gate(torch.randn(3, 1, 64, 64))
        alone = gate.head(gate.backbone(torch.ones(1, 1, 64, 64)).mean((-2, -1)))
        torch.testing.assert_close(gate(torch.ones(1, 1, 64, 64)), alone)
    assert logits.shape == (3, len(CLASSES))
    assert not torch.allclose(logits[0], logits[1])
