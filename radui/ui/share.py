"""Settings that a link restores: what is chosen on the page, never a picture and never a text.

The link is made in the browser (assets/share.js), which also restores what the browser alone knows: the look
of the maps and the window. Here is what Python owns: systems and conditioning observations.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from radui.observations import OBSERVATIONS


@dataclass(frozen=True)
class SharedSettings:
    """What the address asks for, as far as it exists; None where it says nothing."""

    systems: tuple[str, ...] | None = None
    labels: tuple[str, ...] | None = None


def read_settings(query: Mapping[str, str], systems: Collection[str]) -> SharedSettings:
    """Read the address of a page; names that do not exist are passed over.

    systems: those that can write.
    """
    return SharedSettings(_known(query.get("systems"), systems), _known(query.get("labels"), OBSERVATIONS))


def _known(text: str | None, names: Collection[str]) -> tuple[str, ...] | None:
    wanted = (text or "").split(",")
    return tuple(name for name in names if name in wanted) or None
