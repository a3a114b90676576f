"""Figures on IU X-Ray (Open-i) as the papers print them. They are not measured by this project."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """A paper's row: metric name -> value as printed; `note` says what differs from the R2Gen protocol."""

    system: str
    source: str
    values: Mapping[str, float]
    note: str = ""


PUBLISHED: tuple[Published, ...] = (
    Published(
        "XProNet",
        "Wang et al. 2022, table 1",
        {
            "BLEU-1": 0.525,
            "BLEU-2": 0.357,
            "BLEU-3": 0.262,
            "BLEU-4": 0.199,
            "ROUGE-L": 0.411,
            "METEOR": 0.220,
            "CIDEr": 0.359,
        },
        "its public code feeds labels made from the reference report at test time",
    ),
    Published(
        "R2GenCMN*",
        "Wang et al. 2022, table 1",
        {
            "BLEU-1": 0.474,
            "BLEU-2": 0.302,
            "BLEU-3": 0.220,
            "BLEU-4": 0.168,
            "ROUGE-L": 0.370,
            "METEOR": 0.198,
        },
        "replicated by the authors of XProNet with the official code",
    ),
    Published(
        "OTDRG",
        "OTDRG, table 2",
        {"BLEU-1": 0.501, "BLEU-4": 0.182, "METEOR": 0.215, "ROUGE-L": 0.377},
    ),
    Published(
        "MedRAT",
        "MedRAT, table 1",
        {
            "BLEU-1": 0.455,
            "BLEU-4": 0.129,
            "METEOR": 0.171,
            "ROUGE-L": 0.349,
            "RadGraph F1": 0.204,
            "BERTScore": 0.427,
        },
        "zero-shot: trained on CheXpert images and MIMIC-CXR reports; its BERTScore encoder is not ours",
    ),
    Published(
        "AdaMatch-Cyclic",
        "AdaMatch-Cyclic, table 1",
        {
            "BLEU-1": 0.4161,
            "BLEU-2": 0.3002,
            "BLEU-3": 0.2073,
            "BLEU-4": 0.1446,
            "METEOR": 0.1621,
            "ROUGE-L": 0.3656,
        },
        "zero-shot: trained on MIMIC-CXR, against findings and impression",
    ),
)
