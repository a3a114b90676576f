"""The opponent of a VQ-GAN: a network that judges patches, and the two players' losses.

It does not ship: nothing is drawn by it.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class PatchDiscriminator(nn.Module):
    """(B, 1, S, S) pixels in [0, 1] -> (B, 1, s, s) how real each patch looks (PatchGAN, three layers).

    Group instead of batch normalisation: a batch of eight gives poor statistics.
    """

    def __init__(self, channels: int = 32) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(1, channels, 4, 2, 1), nn.LeakyReLU(0.2)]
        for stride, inputs, outputs in (
            (2, channels, 2 * channels),
            (2, 2 * channels, 4 * channels),
            (1, 4 * channels, 4 * channels),
        ):
            layers += [nn.Conv2d(inputs, outputs, 4, stride, 1, bias=False), nn.GroupNorm(8, outputs)]
            layers.append(nn.LeakyReLU(0.2))
        self.layers = nn.Sequential(*layers, nn.Conv2d(4 * channels, 1, 4, 1, 1))

    def forward(self, pixels: Tensor) -> Tensor:
        """As the class says."""
        return self.layers((2 * pixels - 1).contiguous(memory_format=torch.channels_last))


def hinge(real: Tensor, drawn: Tensor) -> Tensor:
    """What the discriminator minimises: real patches above 1, drawn ones below -1."""
    return (F.relu(1 - real.float()).mean() + F.relu(1 + drawn.float()).mean()) / 2


@dataclass(frozen=True)
class Pull:
    """surrogate: a scalar whose gradient at the drawn pixels is both pulls; weight: the adversary's."""

    surrogate: Tensor
    weight: Tensor


def certainty(judgement: Tensor) -> Tensor:
    """How well the discriminator tells real from drawn: 1 where its hinge loss is 0, 0 where it guesses."""
    return (1 - judgement.detach()).clamp(0, 1)


def balanced_pull(drawn: Tensor, likeness: Tensor, deception: Tensor, pixels: Tensor, share: Tensor) -> Pull:
    """Reconstruction and deception together, the second as strong as `share` (a scalar) of the first.

    `likeness` and `deception` are scalars computed from `pixels`, a detached copy of `drawn` that asks for
    gradients. Balanced at the pixels, where both gradients are had anyway, instead of at the decoder's last
    weights as in the paper (eq. 7): that needs two more backward passes. Neither network's weights
    receive gradients from the discriminator's judgement but through `drawn`.
    """
    (towards,) = torch.autograd.grad(likeness, pixels, retain_graph=True)
    (deceiving,) = torch.autograd.grad(deception, pixels)
    weight = share * towards.norm() / (deceiving.norm() + 1e-8)
    pull = (drawn * (towards + weight * deceiving)).sum()
    return Pull(pull, weight)
