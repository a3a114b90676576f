import pytest
import torch

from radui.nn.prototypes import PrototypeConfig, PrototypeMemory

CONFIG = PrototypeConfig(labels=14, per_label=5, features=9, gamma=4, heads=2)
ROWS = 14 * 5


@pytest.fixture
def memory():
    torch.manual_seed(0)
    return PrototypeMemory(CONFIG, 8, dropout=0.5).eval()


@pytest.fixture
def labels():
    chosen = torch.zeros(2, 14, dtype=torch.bool)
    chosen[0, 3] = True
    chosen[1, [0, 7, 13]] = True
    return chosen


@pytest.fixture
def words():
    return torch.randn(2, 6, 8, generator=torch.Generator().manual_seed(1))


def test_a_label_shows_its_own_rows(memory, labels):
    visible = memory.visible(labels)
    assert visible.shape == (2, ROWS)
    assert visible[0].nonzero().flatten().tolist() == [15, 16, 17, 18, 19]
    assert visible[1].nonzero().flatten().tolist() == [*range(5), *range(35, 40), *range(65, 70)]


def test_each_head_reads_exactly_gamma_visible_rows_with_weights_that_sum_to_one(memory, labels, words):
    visible = memory.visible(labels)
    answer = memory(words, visible)
    assert answer.response.shape == (2, 6, 8)
    assert answer.weights.shape == (2, 2, 6, ROWS)
    assert ((answer.weights > 0).sum(-1) == CONFIG.gamma).all()
    torch.testing.assert_close(answer.weights.sum(-1), torch.ones(2, 2, 6))
    assert answer.weights[~visible[:, None, None].expand_as(answer.weights)].max() == 0


def test_those_read_are_the_most_similar(memory, labels, words):
    """Queries, keys and top gamma by hand, for one head of one word."""
    answer = memory(words, memory.visible(labels))
    rows = memory.project(memory.matrix)[15:20]
    query, keys = memory.query(words[0, 2])[4:], memory.key(rows)[:, 4:]
    scores = keys @ query / 2.0
    kept = scores.argsort(descending=True)[: CONFIG.gamma]
    expected = torch.zeros(5).index_put((kept,), scores[kept].softmax(0))
    torch.testing.assert_close(answer.weights[0, 1, 2, 15:20], expected)
    head = torch.stack(
        [answer.weights[0, h, 2, 15:20] @ memory.value(rows)[:, 4 * h : 4 * h + 4] for h in (0, 1)]
    )
    torch.testing.assert_close(answer.response[0, 2], memory.output(head.flatten()))


def test_invisible_prototypes_change_nothing(memory, labels, words):
    visible = memory.visible(labels)
    before = memory(words, visible).response
    with torch.no_grad():
        memory.matrix[20:35] += 10
    after = memory(words, visible).response
    torch.testing.assert_close(before, after)


def test_keys_and_values_made_once_give_the_same(memory, labels, words):
    visible = memory.visible(labels)
    expected, found = memory(words, visible), memory(words, visible, memory.keys_values())
    assert torch.equal(expected.response, found.response)
    assert torch.equal(expected.weights, found.weights)


def test_the_matrix_learns_where_it_was_read(memory, labels, words):
    memory(words, memory.visible(labels)).response.square().sum().backward()
    learned = memory.matrix.grad.abs().sum(1) > 0
    assert learned[15:20].sum() >= CONFIG.gamma
    assert not learned[20:35].any()


def test_more_to_read_than_a_label_has_is_refused():
    with pytest.raises(ValueError, match="gamma may not exceed per_label"):
        PrototypeMemory(PrototypeConfig(per_label=3, gamma=4), 8, 0.0)


def test_a_study_without_labels_is_refused(memory, labels):
    labels[0] = False
    with pytest.raises(ValueError, match="at least one label"):
        memory.visible(labels)


def test_the_paper_has_280_prototypes():
    config = PrototypeConfig()
    assert (config.labels * config.per_label, config.features, config.gamma) == (280, 2816, 15)
