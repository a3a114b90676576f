"""A task of the store -> what the browser gets of it, and may answer. No system is named in either."""

from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from radui.store.answers import ACCEPTABILITY, CATEGORIES, RADPEER, SEVERITY, SIGNIFICANT, SUPPORT
from radui.store.tasks import Progress, Task

ReadPicture = Callable[[str], bytes]
"""SHA-256 -> PNG of a picture of the task."""
# A PNG's width and height stand as two 4-byte numbers in its first chunk.
_WIDTH, _HEIGHT = slice(16, 20), slice(20, 24)


def choices() -> dict[str, Any]:
    """What the questions offer, the same for all studies."""
    return {
        "categories": list(CATEGORIES.items()),
        "acceptability": list(ACCEPTABILITY.items()),
        "severity": list(SEVERITY),
        "radpeer": list(RADPEER),
        "support": list(SUPPORT),
        "significant": SIGNIFICANT,
    }


def task_value(task: Task, read: ReadPicture) -> dict[str, Any]:
    """The case for the rating form."""
    reports = [
        {
            "letter": report.letter,
            "text": report.text,
            "picture": _data_url(read(report.picture)) if report.picture else None,
        }
        for report in task.reports
    ]
    return {
        "assignment": task.assignment_id,
        "number": task.number,
        "total": task.total,
        "instructions": task.instructions,
        "indication": task.indication,
        "reports": reports,
        "questions": asdict(task.questions),
        "draft": task.draft,
    }


def pictures_value(task: Task, read: ReadPicture) -> dict[str, Any]:
    """The pictures of a case for the viewer, in full size: readers judge what is small."""
    views = []
    for number, digest in enumerate(task.pictures, 1):
        png = read(digest)
        width, height = (int.from_bytes(png[place], "big") for place in (_WIDTH, _HEIGHT))
        views.append({"src": _data_url(png), "width": width, "height": height, "caption": f"View {number}"})
    return {"id": task.assignment_id, "views": views}


def studies_value(progress: Sequence[Progress], chosen: str | None) -> list[dict[str, Any]]:
    """The reader's studies with something left to do, and the chosen one."""
    return [
        {
            "study": each.study_id,
            "title": each.title,
            "assigned": each.assigned,
            "submitted": each.submitted,
            "skipped": each.skipped,
        }
        for each in progress
        if each.remaining or each.skipped or each.study_id == chosen
    ]


def _data_url(png: bytes) -> str:
    return f"data:image/png;base64,{b64encode(png).decode('ascii')}"
