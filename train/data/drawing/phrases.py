"""The report of a drawn patient: our own sentences, several wordings for each fact."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from train.data.drawing.plan import PIXELS_PER_CM, Plan

ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")

INDICATIONS = (
    "Cough for two weeks.",
    "Shortness of breath on exertion.",
    "Chest pain.",
    "Fever and chills.",
    "Check-up before surgery.",
    "Fall from a ladder.",
    "Known smoker with weight loss.",
)

OPENINGS = (
    "Frontal and lateral films were obtained.",
    "Two upright films of the chest are shown.",
    "The lungs are well expanded.",
    "The film is taken in good inspiration.",
)

POSITIVE: dict[str, tuple[str, ...]] = {
    "Cardiomegaly": (
        "The heart is {degree} enlarged.",
        "There is {size} cardiomegaly.",
        "The cardiac silhouette is {degree} enlarged.",
    ),
    "Lung Opacity": (
        "There is a hazy opacity in the {side} {zone} lung.",
        "A patchy opacity is seen in the {zone} zone of the {side} lung.",
        "Ill-defined opacity projects over the {side} {zone} lung.",
    ),
    "Lung Lesion": (
        "A round nodule of about {millimetres} mm lies in the {side} {zone} lung.",
        "There is a {millimetres} mm nodule in the {zone} zone of the {side} lung.",
        "A well-defined pulmonary nodule measuring {millimetres} mm is seen in the {side} {zone} lung.",
    ),
    "Consolidation": (
        "There is dense consolidation in the {side} {zone} lung.",
        "A consolidation occupies the {zone} zone of the {side} lung.",
        "Consolidation is present in the {side} {zone} lung.",
    ),
    "Pneumothorax": (
        "There is a {size} {side} pneumothorax.",
        "A {size} pneumothorax is seen on the {side}, with a visible pleural line.",
        "A {side} apical pneumothorax of {size} extent is present.",
    ),
    "Pleural Effusion": (
        "There is a {size} {side} pleural effusion.",
        "A {size} pleural effusion blunts the {side} costophrenic angle.",
        "Pleural effusion on the {side}, {size} in amount.",
    ),
    "Fracture": (
        "There is a displaced fracture of the {side} {rib} rib.",
        "The {side} {rib} rib shows a displaced fracture.",
        "A fracture of the {side} posterior {rib} rib is seen.",
    ),
}

DEVICES: dict[str, tuple[str, ...]] = {
    "pacemaker": (
        "A left-sided pacemaker with two leads is in place.",
        "There is a dual lead pacemaker over the left chest.",
        "Pacemaker leads end in the right atrium and the right ventricle.",
    ),
    "venous line": (
        "A right central venous line ends in the superior vena cava.",
        "There is a right jugular central venous catheter with its tip in the superior vena cava.",
        "The tip of a right central line projects over the superior vena cava.",
    ),
}

NEGATIVE: dict[str, tuple[str, ...]] = {
    "Enlarged Cardiomediastinum": (
        "The mediastinal contours are normal.",
        "The mediastinum is not widened.",
    ),
    "Cardiomegaly": (
        "The heart size is normal.",
        "The heart is not enlarged.",
        "The cardiac silhouette is within normal limits.",
    ),
    "Consolidation": ("There is no focal consolidation.", "No consolidation is seen."),
    "Pneumothorax": ("There is no pneumothorax.", "No pneumothorax is seen."),
    "Pleural Effusion": ("There is no pleural effusion.", "No pleural effusion is seen."),
    "Lung Lesion": ("No pulmonary nodule is seen.",),
    "Fracture": ("No displaced rib fracture is seen.",),
}
BOTH_PLEURAL = (
    "There is no pleural effusion or pneumothorax.",
    "No pneumothorax or pleural effusion is seen.",
)

# Where two observations share a picture, denying the one would contradict the other.
BLOCKED_BY: dict[str, tuple[str, ...]] = {
    "Enlarged Cardiomediastinum": ("Cardiomegaly",),
    "Consolidation": ("Lung Opacity",),
}
ALWAYS_DENIED = ("Cardiomegaly", "Pneumothorax", "Pleural Effusion")
OFTEN_DENIED = ("Enlarged Cardiomediastinum", "Consolidation", "Lung Lesion", "Fracture")

NORMAL_IMPRESSIONS = (
    "No acute cardiopulmonary abnormality.",
    "Normal chest.",
    "No evidence of active disease in the chest.",
)


@dataclass(frozen=True)
class Report:
    """The texts, and the observations that the findings text denies."""

    findings: str
    impression: str
    indication: str
    denied: frozenset[str]


def write_report(plans: Sequence[Plan], rng: np.random.Generator) -> Report:
    """Word the plans and deny some of what is absent."""
    present = {plan.observation for plan in plans}
    denied = _choose_denied(present, rng)
    stated = [_positive(plan, rng) for plan in plans]
    sentences = [_pick(OPENINGS, rng), *stated, *_negatives(denied, rng)]
    impression = " ".join(_brief(plan) for plan in plans if plan.observation != "Support Devices")
    return Report(
        findings=" ".join(sentences),
        impression=impression or _pick(NORMAL_IMPRESSIONS, rng),
        indication=_pick(INDICATIONS, rng),
        denied=denied,
    )


def _choose_denied(present: set[str], rng: np.random.Generator) -> frozenset[str]:
    often = [name for name in OFTEN_DENIED if rng.random() < 0.6]
    candidates = (*ALWAYS_DENIED, *often)
    blocked = {name for name, blockers in BLOCKED_BY.items() if present & set(blockers)}
    return frozenset(name for name in candidates if name not in present | blocked)


def _negatives(denied: frozenset[str], rng: np.random.Generator) -> list[str]:
    """Word the denials in the order of `NEGATIVE`; effusion and pneumothorax in one sentence at times."""
    pleural = {"Pneumothorax", "Pleural Effusion"}
    joined = pleural <= denied and rng.random() < 0.6
    single = [name for name in NEGATIVE if name in denied and not (joined and name in pleural)]
    sentences = [_pick(NEGATIVE[name], rng) for name in single]
    return [*sentences, _pick(BOTH_PLEURAL, rng)] if joined else sentences


def _positive(plan: Plan, rng: np.random.Generator) -> str:
    wordings = DEVICES[plan.device] if plan.device else POSITIVE[plan.observation]
    return _pick(wordings, rng).format(**_words(plan))


def _brief(plan: Plan) -> str:
    """Word a plan for the impression."""
    words = _words(plan)
    phrase = {
        "Cardiomegaly": "{size} cardiomegaly.",
        "Lung Opacity": "{side} {zone} lung opacity.",
        "Lung Lesion": "{side} {zone} lung nodule.",
        "Consolidation": "{side} {zone} lung consolidation.",
        "Pneumothorax": "{size} {side} pneumothorax.",
        "Pleural Effusion": "{size} {side} pleural effusion.",
        "Fracture": "{side} {rib} rib fracture.",
    }[plan.observation]
    return phrase.format(**words).capitalize()


def _words(plan: Plan) -> dict[str, str]:
    sizes = (
        ("mild", "moderate", "severe")
        if plan.observation == "Cardiomegaly"
        else ("small", "moderate", "large")
    )
    size = sizes[min(int(3 * plan.size), 2)]
    return {
        "side": "left" if plan.side > 0 else "right",
        "zone": plan.zone,
        "size": size,
        "degree": f"{size}ly",
        "rib": ORDINALS[plan.rib],
        "millimetres": str(round(20 * plan.nodule_radius / PIXELS_PER_CM)),
    }


def _pick(options: Sequence[str], rng: np.random.Generator) -> str:
    return options[int(rng.integers(len(options)))]
