"""How well a VQ-GAN gives pictures back: L1, PSNR, SSIM and the use of its codebook."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from radui.models.vqgan import VQGAN, Reconstruction
from radui.nn.quantizer import usage


@torch.inference_mode()
def reconstruct(
    model: VQGAN, data: Dataset[Tensor], device: torch.device, batch_size: int = 16
) -> Iterator[tuple[Tensor, Reconstruction]]:
    """Batches of (B, 1, S, S) pixels in [0, 1] with their reconstructions, in order."""
    model.eval()
    for batch in DataLoader(data, batch_size):
        real = batch.to(device)
        with torch.autocast(device.type, torch.bfloat16):
            made = model(real)
        yield real, made


def score_reconstructions(model: VQGAN, data: Dataset[Tensor]) -> dict[str, float]:
    """Means over pictures of L1, PSNR (dB) and SSIM (Gaussian window, sigma 1.5), pixels in [0, 1]."""
    from skimage.metrics import peak_signal_noise_ratio, structural_similarity

    rows, codes = [], []
    for real, made in reconstruct(model, data, next(model.parameters()).device):
        codes.append(made.codes.cpu())
        drawn = made.pixels.float().clamp(0, 1)
        for wanted, found in zip(real[:, 0].cpu().numpy(), drawn[:, 0].cpu().numpy(), strict=True):
            window = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
            alike = structural_similarity(wanted, found, data_range=1, **window)
            signal = peak_signal_noise_ratio(wanted, found, data_range=1)
            rows.append((np.abs(wanted - found).mean(), signal, alike))
    share, perplexity = usage(torch.cat(codes), model.config.quantizer.codes)
    means = dict(zip(("L1", "PSNR", "SSIM"), np.mean(rows, 0).tolist(), strict=True))
    return {"pictures": float(len(rows)), **means, "usage": share, "perplexity": perplexity}


def figure(model: VQGAN, data: Dataset[Tensor], path: Path, pictures: int = 6) -> None:
    """PNG of real pictures above their reconstructions, the first ones of the data."""
    few = [data[i] for i in range(pictures)]
    device = next(model.parameters()).device
    real, made = next(iter(reconstruct(model, few, device, pictures)))  # type: ignore[arg-type]
    rows = [torch.cat(list(each[:, 0].float().clamp(0, 1)), 1) for each in (real, made.pixels)]
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), (torch.cat(rows).cpu().numpy() * 255).round().astype(np.uint8))
