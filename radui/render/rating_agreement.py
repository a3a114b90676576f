"""Agreement of readers with each other and with themselves -> HTML tables, a row a question and readers."""

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from radui.render.rating_cells import Notes, cell, counted, table

if TYPE_CHECKING:
    from radui.statistics.results import Agreement

_TWO = ("Cohen's κ", "PABAK", "n")


def agreement_html(found: "Sequence[Agreement]") -> str:
    """Return the tables of all readers, of every two, and of each reader's two readings."""
    return _all_readers(found) + _every_two(found) + _own_readings(found)


def _all_readers(found: "Sequence[Agreement]") -> str:
    notes = Notes()
    rows = [
        (_question(each), each.level, *counted(each.alpha, notes), *counted(each.fleiss, notes))
        for each in found
    ]
    head = ("Question", "Scale", "Krippendorff's α", "n", "Fleiss' κ", "n")
    return table("Agreement of all readers", head, rows, notes)


def _every_two(found: "Sequence[Agreement]") -> str:
    notes = Notes()
    rows = [
        (
            _question(each) if number == 0 else "",
            f"{escape(first)} and {escape(second)}",
            cell(two["cohen"], notes),
            *counted(two["pabak"], notes),
        )
        for each in found
        for number, ((first, second), two) in enumerate(each.pairs.items())
    ]
    return table("Agreement of every two readers", ("Question", "Readers", *_TWO), rows, notes)


def _own_readings(found: "Sequence[Agreement]") -> str:
    """Nothing where no case was shown twice."""
    notes = Notes()
    rows = [
        (
            _question(each) if number == 0 else "",
            escape(reader),
            cell(two["cohen"], notes),
            *counted(two["pabak"], notes),
        )
        for each in found
        for number, (reader, two) in enumerate(each.intra.items())
    ]
    caption = "Agreement of each reader's first and second reading"
    return table(caption, ("Question", "Reader", *_TWO), rows, notes) if rows else ""


def _question(each: "Agreement") -> str:
    return escape(each.question.replace("_", " ").capitalize())
