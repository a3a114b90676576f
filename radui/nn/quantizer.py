"""Vector quantisation: feature vectors to the nearest of a learned set of codes, and back.

The codebook follows the mean of what falls to each code (exponential moving average) or the gradient, as
in the VQ-VAE paper. Codes that nothing falls to begin again at a feature of the batch.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class QuantizerConfig:
    """Sizes and the rule by which the codebook learns.

    normalise: features and codes lie on the unit sphere, so that the nearest code does not depend on the
    encoder's scale. commitment: beta, the weight of the term that pulls features towards their code.
    average: the codebook is a moving average with `decay`; else the gradient of its own term moves it.
    restart_below: a code used less than this share of the mean code's use begins again; 0 never does.
    """

    codes: int = 1024
    width: int = 16
    normalise: bool = True
    commitment: float = 0.25
    average: bool = True
    decay: float = 0.99
    restart_below: float = 0.1


@dataclass(frozen=True)
class Quantized:
    """values (B, width, h, w), gradients straight through; codes (B, h, w) int64; loss, a scalar."""

    values: Tensor
    codes: Tensor
    loss: Tensor


class Quantizer(nn.Module):
    """(B, width, h, w) features -> `Quantized`, in float32 whatever the precision around it."""

    counts: Tensor
    sums: Tensor
    started: Tensor

    def __init__(self, config: QuantizerConfig) -> None:
        super().__init__()
        self.config = config
        codebook = self._scaled(torch.randn(config.codes, config.width))
        self.codebook = nn.Parameter(codebook, requires_grad=not config.average)
        # How often each code is used, and the sum of what falls to it, both as moving averages a batch.
        self.register_buffer("counts", torch.ones(config.codes))
        self.register_buffer("sums", codebook.clone())
        self.register_buffer("started", torch.tensor(False))

    def forward(self, features: Tensor) -> Quantized:
        with torch.autocast(features.device.type, enabled=False):
            flat = self._scaled(features.float().permute(0, 2, 3, 1).flatten(0, 2))
            if self.training and not self.started:
                self._start(flat.detach())
            codes = self.nearest(flat)
            values = F.embedding(codes, self.codebook)
            loss = self._loss(flat, values)
            if self.training:
                self._learn(flat.detach(), codes)
            passed = flat + (values - flat).detach()
            batch, _, rows, columns = features.shape
            shape = (batch, rows, columns)
            return Quantized(passed.unflatten(0, shape).permute(0, 3, 1, 2), codes.view(shape), loss)

    def nearest(self, flat: Tensor) -> Tensor:
        """(N, width) features, scaled -> (N,) int64 codes by Euclidean distance."""
        codebook = self.codebook.detach()
        return (flat.detach() @ codebook.T - codebook.square().sum(1) / 2).argmax(1)

    def lookup(self, codes: Tensor) -> Tensor:
        """(B, h, w) int64 codes -> (B, width, h, w) their vectors."""
        return F.embedding(codes, self.codebook).permute(0, 3, 1, 2)

    def _scaled(self, vectors: Tensor) -> Tensor:
        return F.normalize(vectors, dim=-1) if self.config.normalise else vectors

    def _loss(self, flat: Tensor, values: Tensor) -> Tensor:
        # beta weighs the term that moves the encoder; the first public VQ-GAN weighed the codebook's.
        loss = self.config.commitment * F.mse_loss(flat, values.detach())
        return loss if self.config.average else loss + F.mse_loss(values, flat.detach())

    @torch.no_grad()
    def _start(self, flat: Tensor) -> None:
        """The first batch's features are the first codes: no code starts where no picture lies."""
        self._place(torch.ones(self.config.codes, dtype=torch.bool, device=flat.device), flat, 1.0)
        self.started.fill_(True)

    @torch.no_grad()
    def _learn(self, flat: Tensor, codes: Tensor) -> None:
        counts = torch.bincount(codes, minlength=self.config.codes).to(flat)
        sums = torch.zeros_like(self.sums).index_add_(0, codes, flat)
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            torch.distributed.all_reduce(counts)
            torch.distributed.all_reduce(sums)
        self.counts.lerp_(counts, 1 - self.config.decay)
        self.sums.lerp_(sums, 1 - self.config.decay)
        if self.config.average:
            self.codebook.copy_(self._scaled(self.sums / self.counts.clamp(min=1e-6)[:, None]))
        typical = float(self.counts.mean())
        self._place(self.counts < self.config.restart_below * typical, flat, typical)

    def _place(self, chosen: Tensor, flat: Tensor, count: float) -> None:
        """Chosen codes (codes,) bool go to random features of the batch, as if used `count` times."""
        rows = torch.randint(len(flat), (int(chosen.sum()),), device=flat.device)
        self.codebook.data[chosen] = flat[rows]
        self.counts[chosen] = count
        self.sums[chosen] = flat[rows] * count


def usage(codes: Tensor, size: int) -> tuple[float, float]:
    """Share of a codebook of `size` codes that is used, in [0, 1], and the perplexity of its use."""
    shares = torch.bincount(codes.flatten(), minlength=size).double() / codes.numel()
    used = shares[shares > 0]
    return len(used) / size, float(torch.exp(-(used * used.log()).sum()))
