"""One observation of a report said anew, all else left as it stands: what a pair of syntheses compares."""

from collections.abc import Iterable

from radui.observations import NO_FINDING, OBSERVATIONS, State
from radui.processing.labeler import Mention, mentions
from radui.processing.reports import sentences

# Our own wording, in the manner of reports: (present, absent, uncertain).
_SAID: dict[str, tuple[str, str, str]] = {
    "Enlarged Cardiomediastinum": (
        "The mediastinum is widened.",
        "The mediastinum is normal.",
        "Borderline mediastinum.",
    ),
    "Cardiomegaly": ("The heart is enlarged.", "The heart is normal in size.", "Borderline heart size."),
    "Lung Opacity": ("There is a focal opacity.", "The lungs are clear.", "Possible focal opacity."),
    "Lung Lesion": ("There is a lung nodule.", "There is no lung nodule.", "Possible lung nodule."),
    "Edema": ("There is pulmonary edema.", "There is no pulmonary edema.", "Possible pulmonary edema."),
    "Consolidation": (
        "There is focal consolidation.",
        "There is no focal consolidation.",
        "Possible focal consolidation.",
    ),
    "Pneumonia": ("There is pneumonia.", "There is no pneumonia.", "Possible pneumonia."),
    "Atelectasis": (
        "There is bibasilar atelectasis.",
        "There is no atelectasis.",
        "Possible bibasilar atelectasis.",
    ),
    "Pneumothorax": ("There is a pneumothorax.", "There is no pneumothorax.", "Possible pneumothorax."),
    "Pleural Effusion": (
        "There is a pleural effusion.",
        "There is no pleural effusion.",
        "Possible pleural effusion.",
    ),
    "Pleural Other": (
        "There is pleural thickening.",
        "There is no pleural thickening.",
        "Possible pleural thickening.",
    ),
    "Fracture": ("There is a rib fracture.", "There is no rib fracture.", "Possible rib fracture."),
    "Support Devices": (
        "A pacemaker is present.",
        "There is no pacemaker.",
        "Possible pacemaker.",
    ),
}
EDITABLE: tuple[str, ...] = tuple(name for name in OBSERVATIONS if name != NO_FINDING)
# Whoever has one of these has no clear lungs.
_OPAQUE = ("Consolidation", "Edema", "Pneumonia", "Atelectasis", "Lung Lesion")
_ORDER = (State.POSITIVE, State.NEGATIVE, State.UNCERTAIN)
_BY_WEIGHT = (State.POSITIVE, State.UNCERTAIN, State.NEGATIVE)


def statement(observation: str, state: State) -> str:
    """The sentence that states an observation; empty for what shall not be mentioned."""
    return "" if state is State.UNMENTIONED else _SAID[observation][_ORDER.index(state)]


def restate(report: str, observation: str, state: State) -> str:
    """The report with one of `EDITABLE` in another state.

    Sentences that mention it go, and with a finding of the lungs those that call them clear; what else they
    mentioned is said anew. The new sentence stands where the first of them stood, else at the end.
    """
    found = mentions(report)
    gone = {mention.sentence for mention in found if _contradicts(mention, observation, state)}
    spans = sentences(report)
    new = [statement(observation, state), *_kept(found, gone, observation, state)]
    first = min(gone, default=len(spans))
    before = [span.text for span in spans[:first]]
    after = [span.text for index, span in enumerate(spans) if index >= first and index not in gone]
    return " ".join(filter(None, [*before, *new, *after]))


def _contradicts(mention: Mention, observation: str, state: State) -> bool:
    if mention.observation == observation:
        return True
    cleared = mention.observation == "Lung Opacity" and mention.state is State.NEGATIVE
    return cleared and observation in _OPAQUE and state is State.POSITIVE


def _kept(found: Iterable[Mention], gone: set[int], observation: str, state: State) -> list[str]:
    """What the sentences that go said of other observations, in the order of the text."""
    said: dict[str, set[State]] = {}
    for mention in found:
        if mention.sentence in gone and not _contradicts(mention, observation, state):
            said.setdefault(mention.observation, set()).add(mention.state)
    return [statement(name, next(s for s in _BY_WEIGHT if s in states)) for name, states in said.items()]
