"""What each column of each table and view means; the store's own documentation, exported with the data."""

_KEYS = {
    "event_id": "random id of the event that this row comes from",
    "study_id": "the reading study",
    "case_id": "the case",
    "assignment_id": "the task: one reader, one case, the reports that were shown together",
    "reader_id": "who rated",
    "round": "1, or 2 where the reader saw the same task again, for intra-reader agreement",
    "letter": "the letter that stood for the report on the page",
    "candidate_id": "the report that was rated",
    "system": "the system that wrote it, or reference for the radiologist's own report",
}
_EVENT_KEYS = {
    key: _KEYS[key] for key in ("event_id", "study_id", "case_id", "assignment_id", "reader_id", "round")
}
DICTIONARY: dict[str, dict[str, str]] = {
    "reading_studies": {
        "study_id": "random id",
        "title": "what the study is called",
        "instructions": "what readers are told",
        "design": "pairwise: every pair of a case is a task; side_by_side: one task a case",
        "systems_json": "names of the systems, in the order that the letters are shuffled from",
        "questions_json": "which questions a case asks",
        "include_reference": "1 where the radiologist's report is one of the blinded candidates",
        "readers_per_case": "how many readers get each case; empty for all",
        "repeat_share": "share of a reader's tasks that come a second time",
        "seed": "of queues, letters and repeats",
        "blinded": "1 where texts are normalised and names hidden",
        "reveal_names": "1 where names are shown after a submission",
        "state": "preparing, open or closed",
        "created_at": "server time, ISO 8601, UTC",
    },
    "cases": {
        "case_id": "random id",
        "study_id": "the reading study",
        "position": "order in which the cases were added, from 0",
        "name": "name given by the admin; never shown to readers",
        "indication": "clinical question, as shown",
        "reference_report": "the radiologist's report, where there is one",
    },
    "case_pictures": {
        "case_id": "the case",
        "position": "order of the pictures of a case, from 0",
        "picture_sha256": "SHA-256 of the PNG; its file name in the folder beside the database",
    },
    "pictures": {
        "picture_sha256": "SHA-256 of the PNG file",
        "width": "pixels",
        "height": "pixels",
        "view": "frontal or lateral, where the file told",
    },
    "candidates": {
        "candidate_id": "random id",
        "case_id": "the case",
        "system": _KEYS["system"],
        "report": "the text as it was written",
        "shown_report": "the text that readers saw",
        "shown_sha256": "SHA-256 of the text that readers saw",
        "normalisations_json": "what was changed for blindness, by name",
        "checkpoint_sha256": "SHA-256 of the system's checkpoint",
        "picture_sha256": "synthetic radiograph that goes with the report, if any",
        "generation_seconds": "how long the system wrote",
        "created_at": "server time, ISO 8601, UTC",
    },
    "assignments": {
        "assignment_id": "random id of a task",
        "study_id": "the reading study",
        "case_id": "the case",
        "reader_id": "whose task it is",
        "round": _KEYS["round"],
        "queue_position": "place in the reader's queue, from 0",
        "order_seed": "seed that the letters were shuffled by",
        "created_at": "server time, ISO 8601, UTC",
    },
    "assignment_letters": {
        "assignment_id": "the task",
        "letter": _KEYS["letter"],
        "candidate_id": "the report behind the letter",
    },
    "rating_events": {
        "sequence": "order in which the events reached this file",
        "event_id": "random id",
        "kind": "submitted or skipped",
        "recorded_at": "server time, ISO 8601, UTC",
        "clock_set_back": "1 where the server's clock was behind an earlier event",
        "reader_id": "who rated",
        "study_id": "the reading study",
        "case_id": "the case",
        "assignment_id": "the task",
        "revision": "1 for the first event of a task; the highest is the current one",
        "schema_version": "version of the answers' meaning",
        "active_seconds": "time on the case without idle time, as the page measured it",
        "shown_json": "texts, hashes, letters, pictures and order seed that the reader had on the page",
        "answers_json": "the answers as checked",
    },
    "adjudication_events": {
        "sequence": "order in which the events reached this file",
        "event_id": "random id",
        "recorded_at": "server time, ISO 8601, UTC",
        "reader_id": "the admin who decided",
        "study_id": "the reading study",
        "case_id": "the case",
        "candidate_id": "the report",
        "question": "on what the readers disagreed",
        "decision": "what was decided",
        "note": "why",
    },
    "current_ratings": {
        **_EVENT_KEYS,
        "kind": "submitted or skipped",
        "recorded_at": "server time, ISO 8601, UTC",
        "revision": "the highest of the task",
        "active_seconds": "time on the case without idle time",
        "shown_json": "what the reader had on the page",
        "answers_json": "the answers as checked",
        "image_quality_sufficient": "1 where the pictures suffice for the task",
        "confidence": "the reader's, 1 to 5",
        "reason": "of the preference, or why the case was skipped",
    },
    "report_ratings": {
        **_KEYS,
        "acceptability": "5 no changes, 4 minor, 3 moderate, 2 significant changes, 1 unusable",
        "hallucination": "1 where the report states what is not in the pictures",
        "clarity": "of the language, 1 to 5",
        "radpeer": "RADPEER score 1, 2a, 2b, 3a or 3b, where asked",
        "no_errors": "1 where the reader ticked that there are none",
        "significant_errors": "number of clinically significant errors",
        "insignificant_errors": "number of other errors",
        "edited_report": "the report as the reader would sign it; empty where it was not edited",
        "edited_characters": "edit distance in characters",
        "edited_words": "edit distance in words",
        "edit_seconds": "time in the edit box",
    },
    "report_errors": {
        **_KEYS,
        "error_number": "from 0, in the order marked",
        "category": "ReXVal: false_finding, omission, wrong_location, wrong_severity, false_comparison, "
        "missing_comparison",
        "significant": "1 where it likely affects treatment, management, or outcomes",
        "span_start": "first character in the shown report; empty for an omission",
        "span_end": "character after the last",
        "quote": "the words marked",
        "replacement": "what should stand there",
        "severity": "ReFiSco 0 to 4, where asked",
        "anatomy": "where in the body",
        "note": "free text",
    },
    "preferences": {
        **_EVENT_KEYS,
        "preference": "the preferred letter, equivalent or both_unacceptable; empty where ranked",
        "strength": "-3 the first letter by far … 3 the last by far, where answered",
        "preferred_system": "the system behind the preferred letter",
        "systems_json": "the system behind each letter",
        "ranking_json": "rank of each letter, 1 best, equal ranks allowed; empty for a pair",
    },
    "explanation_ratings": {
        **_KEYS,
        "span_start": "first character of the words in the shown report",
        "span_end": "character after the last",
        "quote": "the words",
        "support": "does the region support them: yes, partly, no, cannot_judge",
        "view_number": "the picture of the region, from 0",
        "box_json": "the reader's own box x0, y0, x1, y1 in original pixels, where drawn",
    },
    "picture_ratings": {
        **_KEYS,
        "picture_sha256": "the synthetic radiograph",
        "realism": "1 to 5",
        "agreement": "with the report, 1 to 5",
        "missing_findings": "in the report, not in the picture",
        "added_findings": "in the picture, not in the report",
    },
    "readers": {
        "reader_id": "random id",
        "name": "login name",
        "role": "reader or admin",
        "active": "0 where the reader is kept out",
        "created_at": "server time, ISO 8601, UTC",
    },
    "reader_progress": {
        "study_id": "the reading study",
        "reader_id": "the reader",
        "reader_name": "login name",
        "assigned": "tasks in the queue",
        "submitted": "tasks rated",
        "skipped": "tasks skipped with a reason",
        "active_seconds": "time on all of them without idle time",
    },
}
"""Of each table and view that leaves the store, its columns. Drafts and password hashes do not."""

KEPT_INSIDE: dict[str, dict[str, str]] = {
    "drafts": {
        "assignment_id": "the task",
        "step": "counts the changes of a task, for undo; the highest is the draft",
        "answers_json": "the form as it was, finished or not; gone once the task is submitted",
        "saved_at": "server time, ISO 8601, UTC",
    },
    "merges": {
        "merge_id": "counts the merges",
        "merged_at": "server time, ISO 8601, UTC",
        "file_name": "the file whose ratings were taken over",
        "events_added": "events that were new here",
        "readers_renamed_json": "name at the site and name here, where a name was taken",
    },
    "readers": {"password_hash": "scrypt; empty for single sign-on"},
}
"""What does not leave the store."""


def as_markdown() -> str:
    """Every table and view of the file with the meaning of its columns."""
    parts = [_section(table, columns) for table, columns in DICTIONARY.items()]
    parts.append("## Never exported\n\nUnfinished answers, merges and password hashes stay in the file.\n")
    parts += [_section(table, columns) for table, columns in KEPT_INSIDE.items()]
    return "\n".join(parts)


def _section(table: str, columns: dict[str, str]) -> str:
    rows = "".join(f"| `{column}` | {meaning} |\n" for column, meaning in columns.items())
    return f"### `{table}`\n\n| column | meaning |\n|---|---|\n{rows}"
