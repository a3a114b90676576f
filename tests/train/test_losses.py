import math

import pytest
import torch
from torch.nn import functional as F

from train.losses import (
    focal_loss,
    matching_loss,
    multilabel_contrastive,
    report_loss,
    supervised_contrastive,
)


class TestFocalLoss:
    @pytest.fixture
    def batch(self):
        random = torch.Generator().manual_seed(0)
        return torch.randn(5, 14, 4, generator=random), torch.randint(4, (5, 14), generator=random)

    def test_gamma_0_is_cross_entropy(self, batch):
        logits, targets = batch
        expected = F.cross_entropy(logits.flatten(0, 1), targets.flatten())
        torch.testing.assert_close(focal_loss(logits, targets, gamma=0), expected)

    def test_by_hand(self):
        logits = torch.tensor([[0.2, 0.7, 0.1]]).log()
        expected = -((1 - 0.7) ** 2) * math.log(0.7)
        assert focal_loss(logits, torch.tensor([1])).item() == pytest.approx(expected, rel=1e-5)

    def test_easy_ones_count_less(self, batch):
        _, targets = batch
        easy = 6 * F.one_hot(targets, 4).float()
        hard = -easy
        ratio = [focal_loss(each, targets) / focal_loss(each, targets, gamma=0) for each in (easy, hard)]
        assert ratio[0] < 1e-3
        assert ratio[1] > 0.9

    def test_weights_multiply_each_loss(self, batch):
        logits, targets = batch
        weights = torch.rand(14)
        single = torch.stack([focal_loss(logits[:, k], targets[:, k]) for k in range(14)])
        torch.testing.assert_close(focal_loss(logits, targets, weights=weights), (single * weights).mean())

    @pytest.mark.parametrize("gamma", [0.0, 1.0, 2.0])
    def test_gradient_is_finite_where_the_model_is_sure(self, gamma):
        logits = torch.tensor([[80.0, -80.0], [-80.0, 80.0]], requires_grad=True)
        focal_loss(logits, torch.tensor([0, 0]), gamma).backward()
        assert logits.grad.isfinite().all()


def slow_contrastive(responses, labels, tolerance, margin):
    """XProNet eq. 17-18 with the authors' hinge, pair by pair in plain numbers."""
    total = 0.0
    for r, y in zip(responses.tolist(), labels.long().tolist(), strict=True):
        for s, z in zip(responses.tolist(), labels.long().tolist(), strict=True):
            norms = math.sqrt(sum(a * a for a in r) * sum(b * b for b in s))
            similarity = sum(a * b for a, b in zip(r, s, strict=True)) / norms
            if sum(a * b for a, b in zip(y, z, strict=True)):
                different = sum(abs(a - b) for a, b in zip(y, z, strict=True))
                target = 1.0 if tolerance is None else tolerance ** (-different / (sum(y) + sum(z)))
                total += max(target - similarity, 0)
            else:
                total += max(similarity - margin, 0)
    return total / len(responses) ** 2


class TestContrastive:
    @pytest.fixture
    def batch(self):
        random = torch.Generator().manual_seed(0)
        labels = torch.rand(9, 14, generator=random) < 0.15
        labels[~labels.any(1), 13] = True
        return 0.4 + torch.randn(9, 6, generator=random), labels

    @pytest.mark.parametrize("tolerance", [None, 1.0, 1.5, 1.75])
    @pytest.mark.parametrize("margin", [0.1, 0.4])
    def test_equals_the_slow_loop(self, batch, tolerance, margin):
        found = multilabel_contrastive(*batch, tolerance, margin).item()
        assert found == pytest.approx(slow_contrastive(*batch, tolerance, margin), rel=1e-4)
        assert found > 0

    def test_is_exact_under_autocast(self, batch):
        with torch.autocast("cpu", torch.bfloat16):
            found = multilabel_contrastive(*batch, 1.5).item()
        assert found == pytest.approx(slow_contrastive(*batch, 1.5, 0.4), rel=1e-4)

    def test_tolerance_1_is_without_tolerance(self, batch):
        expected = multilabel_contrastive(*batch, None)
        torch.testing.assert_close(multilabel_contrastive(*batch, 1.0), expected)

    def test_a_pair_as_alike_as_its_labels_costs_nothing(self):
        """One of two and one labels shared: target 1.5 ** (-1 / 3)."""
        labels = torch.tensor([[True, True], [True, False]])
        angle = math.acos(1.5 ** (-1 / 3))
        responses = torch.tensor([[1.0, 0.0], [math.cos(angle), math.sin(angle)]])
        assert multilabel_contrastive(responses, labels, 1.5).item() == pytest.approx(0, abs=1e-6)
        assert multilabel_contrastive(responses, labels, None).item() == pytest.approx(
            2 * (1 - math.cos(angle)) / 4, rel=1e-5
        )

    def test_the_length_of_a_response_does_not_matter(self, batch):
        responses, labels = batch
        expected = multilabel_contrastive(responses, labels, 1.5)
        torch.testing.assert_close(multilabel_contrastive(7 * responses, labels, 1.5), expected)

    def test_descent_brings_labels_together_and_apart(self):
        torch.manual_seed(0)
        labels = torch.eye(2, dtype=torch.bool).repeat(3, 1)
        responses = torch.randn(6, 4, requires_grad=True)
        optimizer = torch.optim.SGD([responses], lr=2.0)
        for _ in range(200):
            optimizer.zero_grad()
            multilabel_contrastive(responses, labels, 1.5).backward()
            optimizer.step()
        similarity = F.normalize(responses.detach(), dim=1) @ F.normalize(responses.detach(), dim=1).T
        same = labels.float() @ labels.float().T > 0
        assert similarity[same].min() > 0.9
        assert similarity[~same].max() < 0.5


class TestReportLoss:
    TOKENS = torch.tensor([[0, 3, 5, 1, 0, 0, 0], [0, 2, 0, 0, 0, 0, 0], [0, 4, 4, 4, 4, 4, 4]])

    @pytest.fixture
    def logits(self):
        return torch.randn(3, 6, 7, generator=torch.Generator().manual_seed(0))

    def test_is_the_mean_over_words_and_end_marks(self, logits):
        log_p = logits.log_softmax(-1)
        counted = [(0, 0, 3), (0, 1, 5), (0, 2, 1), (0, 3, 0), (1, 0, 2), (1, 1, 0)]
        counted += [(2, t, 4) for t in range(6)]  # cut before its end: no end mark to learn
        expected = -torch.stack([log_p[each] for each in counted]).mean()
        torch.testing.assert_close(report_loss(logits, self.TOKENS), expected)

    def test_padding_has_no_gradient_and_the_end_mark_has(self, logits):
        logits.requires_grad_(True)
        report_loss(logits, self.TOKENS).backward()
        learned = logits.grad.abs().sum(-1) > 0
        assert learned.tolist() == [
            [True, True, True, True, False, False],
            [True, True, False, False, False, False],
            [True] * 6,
        ]
        assert logits.grad[0, 3, 0] < 0

    def test_more_padding_changes_nothing(self, logits):
        wider = F.pad(logits, (0, 0, 0, 4), value=3.0)
        tokens = F.pad(self.TOKENS[:2], (0, 4))
        expected = report_loss(logits[:2], self.TOKENS[:2])
        torch.testing.assert_close(report_loss(wider[:2], tokens), expected)

    def test_smoothing_is_torchs(self, logits):
        tokens = self.TOKENS[2:]
        expected = F.cross_entropy(logits[2], tokens[0, 1:], label_smoothing=0.1)
        torch.testing.assert_close(report_loss(logits[2:], tokens, smoothing=0.1), expected)


class TestSupervisedContrastive:
    def slow(self, vectors, labels, samples, temperature):
        """MedRAT eq. 4 in plain numbers."""
        rows, losses = range(len(vectors)), []
        for i in rows:
            alike = [
                j
                for j in rows
                if j != i and (bool((labels[i] & labels[j]).any()) or samples[i] == samples[j])
            ]
            if not alike:
                continue
            total = sum(math.exp(float(vectors[i] @ vectors[j]) / temperature) for j in rows if j != i)
            likely = [math.exp(float(vectors[i] @ vectors[j]) / temperature) / total for j in alike]
            losses.append(-sum(map(math.log, likely)) / len(alike))
        return sum(losses) / len(losses)

    @pytest.fixture
    def batch(self):
        random = torch.Generator().manual_seed(0)
        vectors = F.normalize(torch.randn(8, 5, generator=random), dim=1)
        labels = torch.rand(8, 4, generator=random) < 0.35
        labels[[2, 6]] = False  # two views of a sample without any label
        labels[4] = False
        return vectors, labels, torch.tensor([0, 1, 2, 3, 4, 5, 2, 7])

    @pytest.mark.parametrize("temperature", [0.07, 0.5])
    def test_agrees_with_the_formula(self, batch, temperature):
        expected = self.slow(*batch, temperature)
        assert supervised_contrastive(*batch, temperature).item() == pytest.approx(expected, rel=1e-4)

    def test_a_sample_without_labels_is_drawn_to_its_own_second_view(self, batch):
        vectors, labels, samples = batch
        far, near = vectors.clone(), vectors.clone()
        far[6], near[6] = -vectors[2], vectors[2]
        found = [
            supervised_contrastive(each[[2, 6, 0]], labels[[2, 6, 0]], samples[[2, 6, 0]])
            for each in (far, near)
        ]
        assert found[1] < found[0]

    def test_without_any_positive_pair_it_is_zero(self):
        loss = supervised_contrastive(
            torch.eye(3, requires_grad=True), torch.zeros(3, 4, dtype=torch.bool), torch.arange(3)
        )
        loss.backward()
        assert loss.item() == 0


class TestMatchingLoss:
    IMAGE = torch.tensor([[0.9, 0.1, 0.2], [0.3, 0.6, 0.0], [0.5, 0.4, 0.7]])
    TEXT = torch.tensor([[0.8, 0.2, 0.1], [0.1, 0.5, 0.3], [0.0, 0.6, 0.4]])

    def slow(self, scale, skipped=()):
        """AdaMatch eq. 7-9 in plain numbers; `skipped` pairs are no negatives."""
        total = 0.0
        for i in range(3):
            others = [j for j in range(3) if (i, j) not in skipped]
            images = sum(math.exp(scale * self.IMAGE[i, j]) for j in others)
            texts = sum(math.exp(scale * self.TEXT[j, i]) for j in others)
            total -= math.log(math.exp(scale * self.IMAGE[i, i]) / images) / 3
            total -= math.log(math.exp(scale * self.TEXT[i, i]) / texts) / 3
        return total / 2

    def test_equations_7_to_9(self):
        found = matching_loss(self.IMAGE, self.TEXT, torch.tensor(4.0))
        assert found.item() == pytest.approx(self.slow(4.0), rel=1e-5)

    def test_reports_with_the_same_text_are_no_negatives(self):
        same = torch.eye(3, dtype=torch.bool)
        same[0, 2] = same[2, 0] = True
        found = matching_loss(self.IMAGE, self.TEXT, torch.tensor(4.0), same)
        assert found.item() == pytest.approx(self.slow(4.0, {(0, 2), (2, 0)}), rel=1e-5)

    def test_gradient_is_finite_where_all_reports_are_the_same(self):
        image = self.IMAGE.clone().requires_grad_()
        matching_loss(image, self.TEXT, torch.tensor(4.0), torch.ones(3, 3, dtype=torch.bool)).backward()
        assert image.grad.isfinite().all()
