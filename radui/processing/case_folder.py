"""A folder of pictures and reports -> cases: a folder a case, or a picture a case.

cases/0001.png  0001.txt                     one picture; its report, if there is one
cases/0002/a.dcm  b.dcm  report.txt  indication.txt
"""

from dataclasses import dataclass
from pathlib import Path

from radui.processing.errors import ImageError
from radui.processing.images import read_study
from radui.records import Study

REPORT, INDICATION, TEXT = "report.txt", "indication.txt", ".txt"


class CaseFolderError(ValueError):
    """A folder that holds no cases; str() is one sentence."""


@dataclass(frozen=True)
class CaseFiles:
    """Where the parts of a case lie; report and indication need not exist."""

    name: str
    pictures: tuple[Path, ...]
    report: Path
    indication: Path | None = None


def list_cases(folder: Path) -> list[CaseFiles]:
    """The cases of a folder by name; every file that is no text and not hidden is a picture.

    Names of files and folders become names of cases. CaseFolderError where there is none.
    """
    if not folder.is_dir():
        raise CaseFolderError(f"There is no folder {folder}; give the folder that holds the pictures.")
    cases = [_case(path) for path in sorted(folder.iterdir()) if path.is_dir() or _is_picture(path)]
    names = [case.name for case in cases]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise CaseFolderError(f"Two cases in {folder} are named {twice[0]}; rename one.")
    if not cases:
        raise CaseFolderError(
            f"There is no picture in {folder}; each picture or folder of pictures is a case."
        )
    return cases


def read_case(files: CaseFiles) -> tuple[Study, str | None]:
    """The study of a case and its reference report, None without one; the sentence of an ImageError names
    the case."""
    try:
        study = read_study([path.read_bytes() for path in files.pictures], _text(files.indication) or "")
    except ImageError as error:
        raise type(error)(f"Case {files.name}: {error}") from None
    return study, _text(files.report)


def _case(path: Path) -> CaseFiles:
    if not path.is_dir():
        return CaseFiles(path.stem, (path,), path.with_suffix(TEXT))
    pictures = tuple(each for each in sorted(path.iterdir()) if _is_picture(each))
    return CaseFiles(path.name, pictures, path / REPORT, path / INDICATION)


def _is_picture(path: Path) -> bool:
    return path.is_file() and not path.name.startswith(".") and path.suffix.lower() != TEXT


def _text(path: Path | None) -> str | None:
    return path.read_text(encoding="utf-8").strip() or None if path and path.is_file() else None
