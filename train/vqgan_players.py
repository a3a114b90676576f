"""The two players of a VQ-GAN's training, as one module, and the weights of what they learn from."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from radui.models.vqgan import VQGAN
from radui.nn.quantizer import usage
from train.adversary import PatchDiscriminator, balanced_pull, certainty, hinge
from train.perceptual import PerceptualDistance, random_window


@dataclass(frozen=True)
class Objective:
    """Weights of the losses; adversarial: the discriminator's pull as a share of the reconstruction's.

    adversarial_from: the first epoch (from 0) in which the discriminator plays; perceptual 0 leaves the
    backbone out. window: pixels a side that the discriminator sees of a picture, anywhere; 0: all of it.
    decoder_only: encoder and codebook stay as they are.
    """

    perceptual: float = 0.2
    adversarial: float = 0.5
    adversarial_from: int = 2
    window: int = 128
    decoder_only: bool = False


class Players(nn.Module):
    """The VQ-GAN and its opponent as one module, for the loop's one optimiser."""

    def __init__(self, generator: VQGAN, objective: Objective, distance: PerceptualDistance | None) -> None:
        super().__init__()
        self.generator, self.discriminator = generator, PatchDiscriminator()
        self.objective = objective
        self.distance = distance  # no module, hence neither trained nor saved
        if objective.decoder_only:
            generator.encoder.requires_grad_(False)
            generator.quantizer.requires_grad_(False)

    def train(self, mode: bool = True) -> "Players":
        """Training mode; a codebook that stays as it is keeps no averages."""
        super().train(mode)
        if self.objective.decoder_only:
            self.generator.quantizer.eval()
        return self

    def forward(self, real: Tensor, adversarial: bool) -> dict[str, Tensor]:
        """(B, 1, S, S) pixels in [0, 1] -> scalars to log and "loss"; its gradient is what counts."""
        made = self.generator(real)
        pixels = made.pixels.detach().float().requires_grad_(True)
        parts = self.likeness(pixels, real)
        likeness = sum(parts.values(), torch.zeros((), device=real.device))
        if adversarial:
            judged, genuine = random_window(self.objective.window, pixels, real)
            deception = -self.discriminator(judged).float().mean()
            against = hinge(self.discriminator(genuine), self.discriminator(judged.detach()))
            # An opponent that cannot tell gives no direction, only noise, which the balance would blow up:
            # so measured here, the weight grew to 40 and L1 on val from .031 to .050 (deviation).
            share = self.objective.adversarial * certainty(against)
            pull = balanced_pull(made.pixels.float(), likeness, deception, pixels, share)
            parts |= {"discriminator": against, "adversarial_weight": pull.weight}
            surrogate = pull.surrogate
        else:
            (towards,) = torch.autograd.grad(likeness, pixels)
            surrogate = (made.pixels.float() * towards).sum()
            # Parameters without a gradient would stop a run in several processes.
            against = torch.stack([each.sum() for each in self.discriminator.parameters()]).sum() * 0
        # The surrogate has the gradient of the likeness (and of the deception), not its value.
        loss = surrogate - surrogate.detach() + likeness.detach() + made.loss + against
        return {"loss": loss, **parts, "commitment": made.loss, "usage": self._usage(made.codes)}

    def likeness(self, pixels: Tensor, real: Tensor) -> dict[str, Tensor]:
        """The parts of the reconstruction loss, weighted; all but "perceptual", which may be left out."""
        parts = {"l1": (pixels - real).abs().mean()}
        if self.distance is not None:
            parts["perceptual"] = self.objective.perceptual * self.distance(pixels, real)
        return parts

    def _usage(self, codes: Tensor) -> Tensor:
        return torch.tensor(usage(codes, self.generator.config.quantizer.codes)[0])
