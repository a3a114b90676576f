"""AdaMatch at work: keywords and keypatches as hints (3.2.1, 3.2.2), and patches matched to words."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from radui.explain.patches import adaptive_patches
from radui.models.adamatch import AdaMatch, ImagePatches
from radui.models.codebooks import (
    CodebookError,
    Codebooks,
    by_votes,
    keyword_matrix,
    top_keypatches,
    top_keywords,
)
from radui.models.registry import Checkpoint, CheckpointError
from radui.processing.tokens import encode_term, load_tokens
from radui.processing.vocabulary import VocabularyError
from radui.records import AdaptivePatches, Keypatch, PatchKeyword
from radui.systems.inputs import ModelInput


class AdaMatchSystem:
    """A loaded checkpoint with its words and codebooks; gives `Hints` to AdaMatch-Cyclic.

    CheckpointError where the checkpoint is of another model or incomplete.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        if not isinstance(checkpoint.model, AdaMatch):
            raise CheckpointError(f"The checkpoint {checkpoint.name} is of another model; train it again.")
        self.model = checkpoint.model
        try:
            self.tokens = load_tokens(checkpoint.folder)
            self.codebooks = Codebooks.load(checkpoint.folder)
        except (OSError, VocabularyError, CodebookError) as error:
            raise CheckpointError(
                f"The words or codebooks of the checkpoint {checkpoint.name} are missing or damaged; "
                "build them again by train.codebooks."
            ) from error
        self.keyword_words, self.keyword_mask = self._embed_keywords()

    @torch.inference_mode()
    def _embed_keywords(self) -> tuple[Tensor, Tensor]:
        rows = [encode_term(self.tokens, keyword.text) for keyword in self.codebooks.keywords]
        tokens = torch.zeros(len(rows), max(map(len, rows)), dtype=torch.long)
        mask = torch.zeros_like(tokens, dtype=torch.bool)
        for i, ids in enumerate(rows):
            tokens[i, : len(ids)], mask[i, : len(ids)] = torch.tensor(ids), True
        device = self.model.log_scale.device
        tokens, mask = tokens.to(device), mask.to(device)
        return self.model.text(tokens, mask), mask

    @torch.inference_mode()
    def keywords(self, pixels: Tensor) -> tuple[str, ...]:
        """Keywords of one picture, (1, 1, S, S) in [0, 1] of any side, the best first."""
        return self.keywords_of(self.model.image(self.prepared(pixels)).features[0])

    @torch.inference_mode()
    def keywords_of(self, features: Tensor) -> tuple[str, ...]:
        """Keywords of patches (P, d), the most wanted first, at most the codebooks' limit."""
        return tuple(self.codebooks.keywords[row].text for row, _ in self._chosen(features))

    def _chosen(self, features: Tensor) -> list[tuple[int, Tensor]]:
        """Rows of the textual codebook and the patches (n,) that chose each."""
        matrix = keyword_matrix(features, self.keyword_words, self.keyword_mask)
        chosen = top_keywords(matrix, self.codebooks.config.per_patch)
        rows = by_votes(chosen, matrix.T.gather(1, chosen))[: self.codebooks.config.limit]
        return [(row, (chosen == row).any(1).nonzero()[:, 0]) for row in rows]

    def keypatches(self, report: str) -> tuple[int, ...]:
        """VQ-GAN codes of the keypatches that match a report, the best first, each once."""
        return codes_of(self.chosen_keypatches(report))

    @torch.inference_mode()
    def chosen_keypatches(self, report: str) -> tuple[Keypatch, ...]:
        """The keypatches that match a report, the best first, each with the words that chose it."""
        patches, config = self.codebooks.keypatches, self.codebooks.config
        if not len(patches.features):
            return ()
        words = self._report(report)[0]
        cosines = words @ patches.features.to(words).T
        chosen = top_keypatches(words, patches.features.to(words), config.per_token)
        best = by_votes(chosen, cosines.gather(1, chosen))[: config.limit]
        spans = self.tokens.spans(report)
        return tuple(self._keypatch(row, cosines[:, row], (chosen == row).any(1), spans) for row in best)

    def _keypatch(self, row: int, cosines: Tensor, chose: Tensor, spans: list[tuple[int, int]]) -> Keypatch:
        """chose: (T,) of the tokens; a token that is not found in the report as it was typed is left out."""
        patches = self.codebooks.keypatches
        found = [i for i, (start, end) in enumerate(spans) if chose[i] and end > start]
        order = sorted(found, key=lambda i: -float(cosines[i]))
        x0, y0, x1, y1 = patches.boxes[row].tolist()
        return Keypatch(
            patches.words[row],
            (x0, y0, x1, y1),
            tuple(patches.codes[row].tolist()),
            tuple(spans[i] for i in order),
            tuple(float(cosines[i]) for i in order),
        )

    @torch.inference_mode()
    def evidence(self, inputs: ModelInput, report: str) -> AdaptivePatches:
        """Patches of a study, prepared as the checkpoint wants, matched to the words of a report."""
        each = self.model.image(inputs.pixels[0])
        words = self._report(report)
        cosines = torch.einsum("td,vpd->tvp", words[0], each.features)
        return adaptive_patches(
            each.boxes.cpu().numpy(),
            each.anchors.cpu().numpy(),
            cosines.cpu().numpy(),
            self.tokens.spans(report),
            inputs.slots,
            inputs.frames,
            self._patch_keywords(each, inputs.slots),
        )

    def _patch_keywords(self, each: ImagePatches, slots: tuple[int, ...]) -> list[PatchKeyword]:
        features = each.features[list(slots)].flatten(0, 1)
        matrix = keyword_matrix(features, self.keyword_words, self.keyword_mask)
        found = []
        for row, patches in self._chosen(features):
            order = patches[matrix[row, patches].argsort(descending=True)]
            keyword = self.codebooks.keywords[row]
            values = tuple(matrix[row, order].tolist())
            found.append(PatchKeyword(keyword.text, keyword.group, tuple(order.tolist()), values))
        return found

    def _report(self, report: str) -> Tensor:
        """(1, T, d) words of a report."""
        tokens = torch.tensor([self.tokens.encode(report)], device=self.model.log_scale.device)
        return self.model.text(tokens, torch.ones_like(tokens, dtype=torch.bool))

    def prepared(self, pixels: Tensor) -> Tensor:
        """Pictures (B, 1, S, S) in [0, 1] of any side as the checkpoint wants them."""
        wanted = self.model.config.preprocessing
        if pixels.shape[-1] != wanted.size:
            side = (wanted.size, wanted.size)
            pixels = F.interpolate(pixels, side, mode="bilinear", align_corners=False, antialias=True)
        return (pixels - wanted.mean) / wanted.std


def codes_of(keypatches: Sequence[Keypatch]) -> tuple[int, ...]:
    """Their codes in order, each once, as an instruction names them."""
    return tuple(dict.fromkeys(code for each in keypatches for code in each.codes))
