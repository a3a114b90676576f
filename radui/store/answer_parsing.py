"""The page's answers (JSON) -> checked `Answers`, or one sentence on what is missing.

Answers come from browsers, so nothing in them is believed: quotes are cut from the stored text, distances
are measured here, and what the study does not ask for is dropped.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeGuard

from radui.store.answers import (
    BOTH_UNACCEPTABLE,
    CATEGORIES,
    EQUIVALENT,
    RADPEER,
    SUPPORT,
    WITHOUT_SPAN,
    Answers,
    ExplanationRating,
    PictureRating,
    ReportError,
    ReportRating,
)
from radui.store.edits import edit_distance
from radui.store.errors import AnswerError
from radui.store.plan import Questions

MAX_TEXT = 20_000
MAX_ITEMS = 200


def parse_answers(
    given: Any, questions: Questions, texts: Mapping[str, str], drawn: Collection[str] = ()
) -> Answers:
    """Check answers against the study's questions and the shown texts {letter: text}; AnswerError.

    drawn: letters that came with a synthetic picture; the others are asked nothing about one.
    """
    answers = _mapping(given, "The answers")
    two = len(texts) == 2
    asked = questions.preference
    return Answers(
        image_quality_sufficient=_flag(
            answers, "image_quality_sufficient", "whether the image quality is sufficient"
        )
        if questions.image_quality
        else None,
        confidence=_scale(answers, "confidence", "your confidence") if questions.confidence else None,
        reports=_reports(answers, questions, texts),
        preference=_preference(answers, texts) if asked and two else None,
        strength=_strength(answers) if asked and two else None,
        ranking=_ranking(answers, texts) if asked and len(texts) > 2 else None,
        reason=_text(answers, "reason"),
        explanations=_explanations(answers, texts) if questions.explanations else (),
        pictures=_pictures(answers, drawn) if questions.pictures else {},
    )


def _reports(
    answers: Mapping[str, Any], questions: Questions, texts: Mapping[str, str]
) -> dict[str, ReportRating]:
    given = _mapping(answers.get("reports") or {}, "reports")
    return {
        letter: _report(_mapping(given.get(letter) or {}, f"Report {letter}"), questions, letter, text)
        for letter, text in texts.items()
    }


def _report(given: Mapping[str, Any], questions: Questions, letter: str, shown: str) -> ReportRating:
    where = f"Report {letter}"
    errors = tuple(_error(each, where, shown, questions) for each in _items(given, "errors", where))
    no_errors = bool(given.get("no_errors"))
    if questions.errors and bool(errors) == no_errors:
        raise AnswerError(f'{where}: mark its errors or tick "no errors", one of the two.')
    edited = _text(given, "edited_report") or None
    if edited == shown:
        edited = None
    return ReportRating(
        errors=errors if questions.errors else (),
        no_errors=no_errors and questions.errors,
        acceptability=_scale(given, "acceptability", "its acceptability", where)
        if questions.acceptability
        else None,
        hallucination=_flag(given, "hallucination", "whether it hallucinates", where)
        if questions.hallucination
        else None,
        clarity=_scale(given, "clarity", "its clarity", where) if questions.clarity else None,
        radpeer=_choice(given, "radpeer", RADPEER, "a RADPEER score", where) if questions.radpeer else None,
        edited_report=edited,
        edited_characters=None if edited is None else edit_distance(shown, edited),
        edited_words=None if edited is None else edit_distance(shown.split(), edited.split()),
        edit_seconds=_seconds(given, "edit_seconds"),
    )


def _error(given: Any, where: str, shown: str, questions: Questions) -> ReportError:
    error = _mapping(given, where)
    category = _choice(error, "category", tuple(CATEGORIES), "a category for each error", where)
    gap = category in WITHOUT_SPAN and error.get("start") is None
    start, end = (None, None) if gap else _span(error, shown, where)
    severity = (
        _integer(error, "severity", 0, 4, "a severity for each error", where) if questions.severity else None
    )
    return ReportError(
        category=category,
        significant=_flag(error, "significant", "whether each error is clinically significant", where),
        start=start,
        end=end,
        quote=None if start is None else shown[start:end],
        replacement=_text(error, "replacement"),
        severity=severity,
        anatomy=_text(error, "anatomy"),
        note=_text(error, "note"),
    )


def _preference(answers: Mapping[str, Any], texts: Mapping[str, str]) -> str:
    return _choice(
        answers, "preference", (*texts, EQUIVALENT, BOTH_UNACCEPTABLE), "the report that you prefer"
    )


def _strength(answers: Mapping[str, Any]) -> int | None:
    if answers.get("strength") is None:
        return None
    return _integer(answers, "strength", -3, 3, "how strong your preference is")


def _ranking(answers: Mapping[str, Any], texts: Mapping[str, str]) -> dict[str, int]:
    given = _mapping(answers.get("ranking") or {}, "The ranking")
    return {
        letter: _integer(given, letter, 1, len(texts), "a rank for each report, equal ranks allowed")
        for letter in texts
    }


def _explanations(answers: Mapping[str, Any], texts: Mapping[str, str]) -> tuple[ExplanationRating, ...]:
    rated = []
    for given in _items(answers, "explanations", "Explanations"):
        region = _mapping(given, "Explanations")
        letter = _choice(region, "letter", tuple(texts), "the report of each explanation")
        where = f"Report {letter}"
        start, end = _span(region, texts[letter], where)
        support = _choice(region, "support", SUPPORT, "whether the region supports the words", where)
        view = _integer(region, "view", 0, 1, "the picture of each region", where) if "view" in region else 0
        quote = texts[letter][start:end]
        rated.append(
            ExplanationRating(letter, start, end, quote, support, view, _box(region.get("box"), where))
        )
    return tuple(rated)


def _pictures(answers: Mapping[str, Any], drawn: Collection[str]) -> dict[str, PictureRating]:
    pictures, rated = _mapping(answers.get("pictures") or {}, "Pictures"), {}
    for letter in drawn:
        given, where = _mapping(pictures.get(letter) or {}, f"Picture {letter}"), f"Picture {letter}"
        rated[letter] = PictureRating(
            _scale(given, "realism", "how real it looks", where),
            _scale(given, "agreement", "how well it agrees with the report", where),
            _text(given, "missing"),
            _text(given, "added"),
        )
    return rated


def _span(given: Mapping[str, Any], shown: str, where: str) -> tuple[int, int]:
    start, end = given.get("start"), given.get("end")
    if not (_is_integer(start) and _is_integer(end) and 0 <= start < end <= len(shown)):
        raise AnswerError(
            f"{where}: mark words of the report for each error or explanation; one lies outside it."
        )
    return start, end


def _box(given: Any, where: str) -> tuple[float, float, float, float] | None:
    if given is None:
        return None
    numbers = [each for each in given if _is_number(each)] if isinstance(given, Sequence) else []
    if len(numbers) != 4 or not (numbers[0] < numbers[2] and numbers[1] < numbers[3]):
        raise AnswerError(f"{where}: a box has its left, top, right and bottom edge, in this order.")
    return (float(numbers[0]), float(numbers[1]), float(numbers[2]), float(numbers[3]))


def _scale(given: Mapping[str, Any], key: str, what: str, where: str = "") -> int:
    return _integer(given, key, 1, 5, f"{what}, 1 to 5", where)


def _integer(given: Mapping[str, Any], key: str, low: int, high: int, what: str, where: str = "") -> int:
    value = given.get(key)
    if not (_is_integer(value) and low <= value <= high):
        raise _unanswered(what, where)
    return value


def _flag(given: Mapping[str, Any], key: str, what: str, where: str = "") -> bool:
    value = given.get(key)
    if not isinstance(value, bool):
        raise _unanswered(what, where)
    return value


def _choice(given: Mapping[str, Any], key: str, choices: Sequence[str], what: str, where: str = "") -> str:
    value = given.get(key)
    if not isinstance(value, str) or value not in choices:
        raise _unanswered(what, where)
    return value


def _unanswered(what: str, where: str) -> AnswerError:
    return AnswerError(f"{where}: choose {what}." if where else f"Choose {what}.")


def _text(given: Mapping[str, Any], key: str) -> str:
    value = given.get(key) or ""
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise AnswerError(f"A text has at most {MAX_TEXT} characters; shorten {key.replace('_', ' ')}.")
    # Half a surrogate pair cannot be stored as UTF-8; an empty byte ends a text in some programs.
    return value.encode("utf-8", "replace").decode().replace("\0", "").strip()


def _seconds(given: Mapping[str, Any], key: str) -> float:
    value = given.get(key)
    return float(value) if _is_number(value) and value > 0 else 0.0


def _items(given: Mapping[str, Any], key: str, where: str) -> Sequence[Any]:
    value = given.get(key) or []
    if not isinstance(value, list | tuple) or len(value) > MAX_ITEMS:
        raise AnswerError(f"{where}: {key} is a list of at most {MAX_ITEMS}.")
    return value


def _mapping(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise AnswerError(f"{where}: the answers cannot be read; load the page again.")
    return value


def _is_integer(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
