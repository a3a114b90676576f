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


def supervised_contrastive(
    vectors: Tensor, labels: Tensor, samples: Tensor, temperature: float = 0.07
) -> Tensor:
    """Multi-label supervised contrastive loss (MedRAT eq. 4, Khosla et al. 2020).

    vectors: (N, width) of length 1, images and reports in all their views; labels: (N, labels) bool.
    samples: (N,) the sample that each vector is a view of. Two are a positive pair if they share a label
    or are views of one sample (deviation: in the authors' code a sample without labels has no partner,
    not even itself). What still has none adds nothing, and the mean is over those that have some.
    """
    rows = vectors.float()
    with torch.autocast(rows.device.type, enabled=False):  # in bf16 close vectors would be equal
        scores = rows @ rows.T / temperature
    y = labels.float()
    itself = torch.eye(len(rows), dtype=torch.bool, device=rows.device)
    alike = ((y @ y.T > 0) | (samples[:, None] == samples)) & ~itself
    log_p = scores - scores.masked_fill(itself, float("-inf")).logsumexp(1, keepdim=True)
    partners = alike.sum(1)
    losses = -(log_p * alike).sum(1) / partners.clamp_min(1)
    return losses.sum() / (partners > 0).sum().clamp_min(1)


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


def matching_loss(image: Tensor, text: Tensor, scale: Tensor, same: Tensor | None = None) -> Tensor:
    """AdaMatch's contrastive loss (eq. 7-9) of a batch's similarities s^I and s^T, both (B, B).

    scale: 1 / tau. same: (B, B) bool, pairs that are no negatives because their reports are the same word
    for word; they leave the denominators (deviation: the paper counts them as negatives). None keeps them.
    """
    own = torch.arange(len(image), device=image.device)
    logits = [scale * image.float(), scale * text.float().T]
    if same is not None:
        repeated = same & ~torch.eye(len(same), dtype=torch.bool, device=same.device)
        logits = [each.masked_fill(repeated, float("-inf")) for each in logits]
    return (F.cross_entropy(logits[0], own) + F.cross_entropy(logits[1], own)) / 2


def info_nce(anchors: Tensor, keys: Tensor, temperature: float, similarity: str) -> Tensor:
    """Contrastive loss of (B, d) anchors with their row's key; other rows are negatives (OTDRG eq. 2).

    similarity: "euclidean", the negative distance, or "cosine".
    """
    if similarity == "euclidean":
        scores = -torch.cdist(anchors.float(), keys.float())
    elif similarity == "cosine":
        scores = F.cosine_similarity(anchors.float()[:, None], keys.float()[None], dim=-1)
    else:
        raise ValueError(f"There is no similarity {similarity!r}; choose euclidean or cosine.")
    return F.cross_entropy(scores / temperature, torch.arange(len(anchors), device=anchors.device))
