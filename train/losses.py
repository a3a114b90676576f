"""Losses of the papers, tensors in and scalars out."""

import torch
from torch import Tensor
from torch.nn import functional as F


def focal_loss(logits: Tensor, targets: Tensor, gamma: float = 2.0, weights: Tensor | None = None) -> Tensor:
    """Multi-class focal loss (OTDRG eq. 9-10, Lin et al. 2017).

    logits: (..., classes); targets: (...) class ids; weights: broadcasts to (...); mean over all.
    """
    log_p = F.log_softmax(logits.float(), -1).gather(-1, targets[..., None])[..., 0]
    losses = -((1 - log_p.exp()) ** gamma) * log_p
    return losses.mean() if weights is None else (losses * weights).mean()


def multilabel_contrastive(
    responses: Tensor, labels: Tensor, tolerance: float | None, margin: float = 0.4
) -> Tensor:
    """XProNet's improved multi-label contrastive loss (eq. 17-18).

    responses: (B, width), the mean over positions; labels: (B, labels) bool.
    tolerance: theta; None puts 1 in place of theta^(-hd/ht), the paper's "w/o IMLCS".
    As in the authors' code the positive term is a hinge: a pair more alike than its target costs
    nothing; eq. 17 as printed would reward that pair without bound in number.
    """
    rows = responses.float()
    # Not a matrix product: autocast would take that in bf16, where equal pairs are 0.4 % apart.
    similarity = F.cosine_similarity(rows[:, None], rows[None], dim=-1)
    y = labels.float()
    shared = y @ y.T
    difference = (y[:, None] - y[None]).abs().sum(-1)
    total = (y[:, None] + y[None]).sum(-1).clamp_min(1)
    target = torch.ones_like(similarity) if tolerance is None else tolerance ** (-difference / total)
    pulled = (target - similarity).clamp_min(0)
    pushed = (similarity - margin).clamp_min(0)
    return torch.where(shared > 0, pulled, pushed).sum() / len(responses) ** 2


def report_loss(logits: Tensor, tokens: Tensor, smoothing: float = 0.0) -> Tensor:
    """Cross-entropy of the next word, mean over words and the end mark; padding excluded (XProNet eq. 19).

    logits: (B, T, vocabulary) for inputs tokens[:, :-1]; tokens: (B, T + 1), 0 begins, ends and pads.
    """
    targets = tokens[:, 1:]
    previous = tokens[:, :-1]
    # The first 0 after a word is the end mark and is learned; further zeros are padding.
    learned = (targets != 0) | (previous != 0)
    losses = F.cross_entropy(
        logits.float().transpose(1, 2), targets, reduction="none", label_smoothing=smoothing
    )
    return (losses * learned).sum() / learned.sum()
