"""The 14 observations and their 4 states (OTDRG 3.2.1): one canonical order for the whole project.

The order is CheXbert's with "No Finding" last. Other sources order them differently, so labels
travel with their names and are never read by bare column number.
"""

from enum import IntEnum

OBSERVATIONS: tuple[str, ...] = (
    "Enlarged Cardiomediastinum",
    "Cardiomegaly",
    "Lung Opacity",
    "Lung Lesion",
    "Edema",
    "Consolidation",
    "Pneumonia",
    "Atelectasis",
    "Pneumothorax",
    "Pleural Effusion",
    "Pleural Other",
    "Fracture",
    "Support Devices",
    "No Finding",
)

NO_FINDING = "No Finding"

# The five observations that CheXpert's competition reports (Irvin et al. 2019, table 4).
FIVE_OBSERVATIONS: tuple[str, ...] = (
    "Atelectasis",
    "Cardiomegaly",
    "Consolidation",
    "Edema",
    "Pleural Effusion",
)

OBSERVATION_INDEX: dict[str, int] = {name: index for index, name in enumerate(OBSERVATIONS)}


class State(IntEnum):
    """What a report says of an observation; the numbers are the classes of the 14 x 4 classifier."""

    UNMENTIONED = 0
    POSITIVE = 1
    NEGATIVE = 2
    UNCERTAIN = 3


STATE_NAMES: tuple[str, ...] = tuple(state.name.lower() for state in State)
