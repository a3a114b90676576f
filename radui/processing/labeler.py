"""Rule labeler: report -> 14 observations x {positive, negative, uncertain, unmentioned} (OTDRG 3.2.1).

In the manner of CheXpert's labeler (Irvin et al. 2019): phrases mention an observation, cues in the
same clause deny or doubt the mention, and positive outweighs uncertain outweighs negative among the
mentions of a report.

Choices where reports leave room, made as CheXbert's labels have it unless said otherwise:
- "The lungs are clear" denies Lung Opacity alone; Consolidation, Edema and the rest stay unmentioned.
- "Versus" and "or" between findings make both uncertain; "consistent with" leaves them positive.
- A heart "at the upper limits of normal" is normal, a "borderline" one uncertain.
- A normal cardiomediastinal silhouette denies Cardiomegaly too; an enlarged one does not assert it.
- Blunted costophrenic angles, low volumes, emphysema, granulomas, surgical clips and sternotomy wires
  mention nothing.

What stays different from CheXbert's labels (invented examples; `python -m train.label_agreement` measures
it and prints real ones):
- on purpose: "Old granulomatous infection." is no Pneumonia here, "Soft tissue edema of the ankle." no
  Edema, "The catheter is fractured." no Fracture, "No obvious rib fracture." negative and "Nearly complete
  resolution of the effusion." positive;
- for want of context: "Bronchiectasis in the lingula." mentions nothing, though it may be labelled a Lung
  Opacity; "Metastasis to the spine." counts as Lung Lesion, "Small nodules on the earlier CT." as seen
  today, and an "aneurysm" as Enlarged Cardiomediastinum although labels differ there.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from radui.observations import NO_FINDING, OBSERVATIONS, State
from radui.processing.labeler_phrases import PHRASES
from radui.processing.labeler_scope import Scope
from radui.processing.reports import Span, sentences

_PATTERNS = {
    observation: re.compile(rf"\b(?:{phrases})".replace(" ", r"\s+"))
    for observation, phrases in PHRASES.items()
}
# str.lower can change the length of a text, and the offsets with it.
_LOWER = str.maketrans({capital: capital + 32 for capital in range(ord("A"), ord("Z") + 1)})
_PRESENT = (State.POSITIVE, State.UNCERTAIN)
_BY_WEIGHT = (State.POSITIVE, State.UNCERTAIN, State.NEGATIVE)
_DEVICES = "Support Devices"
# What a judgement of a structure means, by its kind and by whether a "not" stands between the two.
_JUDGED = {
    ("abnormal", False): State.POSITIVE,
    ("abnormal", True): State.NEGATIVE,
    ("normal", False): State.NEGATIVE,
    ("normal", True): State.POSITIVE,
    ("unclear", False): State.UNCERTAIN,
    ("unclear", True): State.UNCERTAIN,
}


@dataclass(frozen=True)
class Mention:
    """What one phrase says of an observation.

    start, end: the phrase is report[start:end]; sentence: index in `sentences(report)`.
    """

    observation: str
    state: State
    start: int
    end: int
    sentence: int


def label(report: str) -> dict[str, State]:
    """The state of each of the 14 observations in a raw, cleaned or generated report, in canonical order.

    "No Finding" is positive where nothing but support devices is positive or uncertain, as in an
    empty report, and else unmentioned: no report denies it.
    """
    states: dict[str, set[State]] = {observation: set() for observation in OBSERVATIONS}
    for mention in mentions(report):
        states[mention.observation].add(mention.state)
    labels = {observation: _heaviest(found) for observation, found in states.items()}
    if not any(state in _PRESENT for observation, state in labels.items() if observation != _DEVICES):
        labels[NO_FINDING] = State.POSITIVE
    return labels


def mentions(report: str) -> list[Mention]:
    """All mentions in the order of the text. "No Finding" has none, since it follows from the others."""
    found = [
        mention
        for index, sentence in enumerate(sentences(report))
        for mention in _mentions_in(sentence, index)
    ]
    return sorted(found, key=lambda mention: (mention.start, mention.end))


def silver(states: Mapping[str, State]) -> dict[str, int]:
    """The policy of the silver labels: positive or uncertain -> 1, negative or unmentioned -> 0."""
    return {observation: int(state in _PRESENT) for observation, state in states.items()}


def _heaviest(states: set[State]) -> State:
    return next((state for state in _BY_WEIGHT if state in states), State.UNMENTIONED)


def _mentions_in(sentence: Span, index: int) -> list[Mention]:
    text = sentence.text.translate(_LOWER)
    scope: Scope | None = None
    found = []
    for observation, pattern in _PATTERNS.items():
        for match in pattern.finditer(text):
            scope = scope or Scope(text)
            state = _state(match, scope)
            if state is not None:
                start, end = (sentence.start + offset for offset in match.span())
                found.append(Mention(observation, state, start, end, index))
    return found


def _state(match: re.Match[str], scope: Scope) -> State | None:
    """What a phrase asserts where it stands; None where it asserts nothing."""
    group = match.lastgroup or ""
    kind = group.partition("_")[0]
    if kind == "ignore":
        return None
    if kind in ("abnormal", "normal", "unclear"):
        cues = set(scope.ahead(match.start(group), match.start()))
        return _JUDGED[kind, "no" in cues]
    cues = {*scope.ahead(match.start()), *scope.behind(match.end())}
    denied = bool(cues & {"no", "gone"})
    if "past" in cues or (kind == "sign" and denied):
        return None
    if denied:
        return State.NEGATIVE
    return State.UNCERTAIN if cues else State.POSITIVE
