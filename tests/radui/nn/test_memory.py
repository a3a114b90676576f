import math

import pytest
import torch

from radui.nn.memory import AttentionPooling, MemoryConfig, SharedMemory


def plain(config, width):
    """A memory whose three projections do nothing."""
    memory = SharedMemory(config, width)
    with torch.no_grad():
        for layer in (memory.query, memory.key, memory.value):
            layer.weight.copy_(torch.eye(width))
            layer.bias.zero_()
    return memory


class TestMemory:
    def test_the_response_by_hand(self):
        """Cosines 1, .6 and 0 to (1, 0): the best two answer with weights e^1 and e^.6."""
        memory = plain(MemoryConfig(slots=3, read=2, heads=1), 2)
        memory.matrix.data = torch.tensor([[0.0, 2.0], [5.0, 0.0], [3.0, 4.0]])
        share = math.exp(1) / (math.exp(1) + math.exp(0.6))
        expected = [5 * share + 3 * (1 - share), 4 * (1 - share)]
        assert memory(torch.tensor([[[7.0, 0.0]]]))[0, 0].tolist() == pytest.approx(expected, rel=1e-5)

    def test_each_head_reads_slots_of_its_own(self):
        memory = plain(MemoryConfig(slots=2, read=1, heads=2), 4)
        memory.matrix.data = torch.tensor([[1.0, 0, 0, 1], [0, 1.0, 1, 0]])
        found = memory(torch.tensor([[[1.0, 0, 1.0, 0]]]))
        assert found.flatten().tolist() == pytest.approx([1, 0, 1, 0])

    def test_only_slots_that_answer_learn_from_it(self):
        torch.manual_seed(0)
        memory = SharedMemory(MemoryConfig(slots=20, read=3, heads=1), 8)
        memory(torch.randn(1, 1, 8)).square().sum().backward()
        assert (memory.matrix.grad.abs().sum(1) > 0).sum() == 3

    def test_more_answers_than_slots_are_refused(self):
        with pytest.raises(ValueError, match="lower `read`"):
            SharedMemory(MemoryConfig(slots=4, read=5, heads=1), 8)


class TestPooling:
    @pytest.fixture
    def pooling(self):
        torch.manual_seed(1)
        return AttentionPooling(6)

    def test_by_hand(self):
        pooling = AttentionPooling(2)
        pooling.inner.weight.data = torch.eye(2)
        pooling.score.weight.data = torch.tensor([[1.0, -2.0]])
        x = torch.tensor([[[0.5, 1.0], [2.0, 0.0]]])
        scores = [math.tanh(0.5) - 2 * math.tanh(1.0), math.tanh(2.0)]
        first = math.exp(scores[0]) / sum(map(math.exp, scores))
        pooled, weights = pooling(x, torch.ones(1, 2, dtype=torch.bool))
        assert weights[0].tolist() == pytest.approx([first, 1 - first], rel=1e-5)
        assert pooled[0].tolist() == pytest.approx([0.5 * first + 2 * (1 - first), first], rel=1e-5)

    def test_padding_takes_no_weight_and_changes_nothing(self, pooling):
        x = torch.randn(2, 5, 6)
        mask = torch.tensor([[True] * 3 + [False] * 2] * 2)
        pooled, weights = pooling(x, mask)
        torch.testing.assert_close(pooled, pooling(x[:, :3], mask[:, :3])[0])
        assert weights[:, 3:].abs().max() == 0
        torch.testing.assert_close(weights.sum(1), torch.ones(2))
