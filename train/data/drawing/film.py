"""From thickness to film: Beer-Lambert attenuation, scatter, quantum noise, a film's response curve."""

from dataclasses import dataclass, field

import cv2
import numpy as np

from radui.records import ByteArray, FloatArray
from train.data.drawing.shapes import SIZE, clouds, soften

# Effective linear attenuation in 1/cm at chest tube voltages, and the share of tissue in aerated lung.
MU_SOFT = 0.20
MU_BONE = 0.42
MU_METAL = 6.0
LUNG_DENSITY = 0.24


def _blank() -> FloatArray:
    return np.zeros((SIZE, SIZE), np.float32)


@dataclass
class Layers:
    """What the rays pass on one film, in centimetres, each (512, 512) float32; written to while drawing.

    soft: soft tissue, the lungs counted as if solid. lung: aerated lung (takes tissue away).
    gas: gas without lung (trachea, stomach, pneumothorax). vessels: of the lungs.
    """

    soft: FloatArray = field(default_factory=_blank)
    lung: FloatArray = field(default_factory=_blank)
    gas: FloatArray = field(default_factory=_blank)
    vessels: FloatArray = field(default_factory=_blank)
    bone: FloatArray = field(default_factory=_blank)
    metal: FloatArray = field(default_factory=_blank)

    def attenuation(self) -> FloatArray:
        """Return the exponent mu * t of Beer and Lambert's law at each pixel."""
        tissue = self.soft + self.vessels - np.float32(1 - LUNG_DENSITY) * self.lung - self.gas
        tissue = np.maximum(tissue, 0)
        return MU_SOFT * tissue + MU_BONE * self.bone + np.float32(MU_METAL) * self.metal


@dataclass(frozen=True)
class Exposure:
    """How a film was taken: level and width of the response, noise, evening of the low frequencies."""

    level: float
    width: float
    noise: float
    evening: float

    @classmethod
    def sample(cls, rng: np.random.Generator) -> "Exposure":
        """Draw an ordinary exposure, a little lighter or darker, softer or harder."""
        return cls(
            level=rng.uniform(-0.12, 0.12),
            width=rng.uniform(0.50, 0.60),
            noise=rng.uniform(0.006, 0.014),
            evening=rng.uniform(0.34, 0.46),
        )


def expose(layers: Layers, exposure: Exposure, rng: np.random.Generator) -> ByteArray:
    """Return the film of the layers, (512, 512) uint8, bone bright."""
    transmitted = np.exp(-layers.attenuation())
    rays = soften(transmitted, 0.7) + np.float32(0.12) * soften(transmitted, 40)
    grain = cv2.GaussianBlur(rng.standard_normal((SIZE, SIZE), np.float32), (0, 0), 0.6)
    rays += np.float32(exposure.noise) * grain * np.sqrt(rays)
    density = -np.log(np.maximum(rays, 2e-3))
    return _respond(density, exposure, clouds(rng, (9, 24, 60)))


def _respond(density: FloatArray, exposure: Exposure, mottle: FloatArray) -> ByteArray:
    """Apply the S-shaped response, low frequencies evened inside the body as digital films have it."""
    body = np.minimum(density, 0.9) / np.float32(0.9)
    wide = soften(np.maximum(density, 0.9), 48)
    evened = density - np.float32(exposure.evening) * (wide - np.float32(2.4)) * body
    evened += np.float32(0.012) * mottle * body
    response = 1 / (1 + np.exp(-(evened - np.float32(2.12 + exposure.level)) / np.float32(exposure.width)))
    return np.clip(response * 258 - 4, 0, 255).astype(np.uint8)
