"""Views of the current state: one flat row for what a reader said of a case, a report, an error, a region.

A later event of an assignment replaces an earlier one here, never in the table. Which one is later is told
by its revision, not by a clock; two sites that both wrote a revision (check reports it) are told apart by id.
"""

_CURRENT = """CREATE VIEW current_ratings AS
    SELECT event_id, kind, recorded_at, study_id, case_id, assignment_id, reader_id, round, revision,
        active_seconds, shown_json, answers_json,
        json_extract(answers_json, '$.image_quality_sufficient') AS image_quality_sufficient,
        json_extract(answers_json, '$.confidence') AS confidence,
        json_extract(answers_json, '$.reason') AS reason
    FROM (
        SELECT rating_events.*, assignments.round, row_number() OVER (
            PARTITION BY assignment_id ORDER BY revision DESC, event_id DESC) AS newest_first
        FROM rating_events JOIN assignments USING (assignment_id))
    WHERE newest_first = 1"""

_SUBMITTED = "(SELECT * FROM current_ratings WHERE kind = 'submitted')"
_KEYS = (
    "rating.event_id, rating.study_id, rating.case_id, rating.assignment_id, rating.reader_id, rating.round"
)

_REPORTS = f"""CREATE VIEW report_ratings AS
    SELECT {_KEYS}, letters.letter, letters.candidate_id, candidates.system,
        json_extract(answer.value, '$.acceptability') AS acceptability,
        json_extract(answer.value, '$.hallucination') AS hallucination,
        json_extract(answer.value, '$.clarity') AS clarity,
        json_extract(answer.value, '$.radpeer') AS radpeer,
        json_extract(answer.value, '$.no_errors') AS no_errors,
        (SELECT count(*) FROM json_each(answer.value, '$.errors') AS error
            WHERE json_extract(error.value, '$.significant')) AS significant_errors,
        (SELECT count(*) FROM json_each(answer.value, '$.errors') AS error
            WHERE NOT json_extract(error.value, '$.significant')) AS insignificant_errors,
        json_extract(answer.value, '$.edited_report') AS edited_report,
        json_extract(answer.value, '$.edited_characters') AS edited_characters,
        json_extract(answer.value, '$.edited_words') AS edited_words,
        json_extract(answer.value, '$.edit_seconds') AS edit_seconds
    FROM {_SUBMITTED} AS rating, json_each(rating.answers_json, '$.reports') AS answer
    JOIN assignment_letters AS letters
        ON letters.assignment_id = rating.assignment_id AND letters.letter = answer.key
    JOIN candidates USING (candidate_id)"""

_ERRORS = f"""CREATE VIEW report_errors AS
    SELECT {_KEYS}, letters.letter, letters.candidate_id, candidates.system, error.key AS error_number,
        json_extract(error.value, '$.category') AS category,
        json_extract(error.value, '$.significant') AS significant,
        json_extract(error.value, '$.start') AS span_start,
        json_extract(error.value, '$.end') AS span_end,
        json_extract(error.value, '$.quote') AS quote,
        json_extract(error.value, '$.replacement') AS replacement,
        json_extract(error.value, '$.severity') AS severity,
        json_extract(error.value, '$.anatomy') AS anatomy,
        json_extract(error.value, '$.note') AS note
    FROM {_SUBMITTED} AS rating, json_each(rating.answers_json, '$.reports') AS answer,
        json_each(answer.value, '$.errors') AS error
    JOIN assignment_letters AS letters
        ON letters.assignment_id = rating.assignment_id AND letters.letter = answer.key
    JOIN candidates USING (candidate_id)"""

_PREFERENCES = f"""CREATE VIEW preferences AS
    SELECT {_KEYS},
        json_extract(rating.answers_json, '$.preference') AS preference,
        json_extract(rating.answers_json, '$.strength') AS strength,
        (SELECT system FROM assignment_letters AS letters JOIN candidates USING (candidate_id)
            WHERE letters.assignment_id = rating.assignment_id
            AND letters.letter = json_extract(rating.answers_json, '$.preference')) AS preferred_system,
        (SELECT json_group_object(letter, system) FROM (SELECT letter, system
            FROM assignment_letters AS letters JOIN candidates USING (candidate_id)
            WHERE letters.assignment_id = rating.assignment_id ORDER BY letter)) AS systems_json,
        json_extract(rating.answers_json, '$.ranking') AS ranking_json
    FROM {_SUBMITTED} AS rating
    WHERE json_extract(rating.answers_json, '$.preference') IS NOT NULL
        OR json_extract(rating.answers_json, '$.ranking') IS NOT NULL"""

_EXPLANATIONS = f"""CREATE VIEW explanation_ratings AS
    SELECT {_KEYS}, letters.letter, letters.candidate_id, candidates.system,
        json_extract(region.value, '$.start') AS span_start,
        json_extract(region.value, '$.end') AS span_end,
        json_extract(region.value, '$.quote') AS quote,
        json_extract(region.value, '$.support') AS support,
        json_extract(region.value, '$.view') AS view_number,
        json_extract(region.value, '$.box') AS box_json
    FROM {_SUBMITTED} AS rating, json_each(rating.answers_json, '$.explanations') AS region
    JOIN assignment_letters AS letters ON letters.assignment_id = rating.assignment_id
        AND letters.letter = json_extract(region.value, '$.letter')
    JOIN candidates USING (candidate_id)"""

_PICTURES = f"""CREATE VIEW picture_ratings AS
    SELECT {_KEYS}, letters.letter, letters.candidate_id, candidates.system, candidates.picture_sha256,
        json_extract(answer.value, '$.realism') AS realism,
        json_extract(answer.value, '$.agreement') AS agreement,
        json_extract(answer.value, '$.missing') AS missing_findings,
        json_extract(answer.value, '$.added') AS added_findings
    FROM {_SUBMITTED} AS rating, json_each(rating.answers_json, '$.pictures') AS answer
    JOIN assignment_letters AS letters
        ON letters.assignment_id = rating.assignment_id AND letters.letter = answer.key
    JOIN candidates USING (candidate_id)"""

_PROGRESS = """CREATE VIEW reader_progress AS
    SELECT assignments.study_id, assignments.reader_id, readers.name AS reader_name,
        count(*) AS assigned,
        count(*) FILTER (WHERE rating.kind = 'submitted') AS submitted,
        count(*) FILTER (WHERE rating.kind = 'skipped') AS skipped,
        coalesce(sum(rating.active_seconds), 0) AS active_seconds
    FROM assignments JOIN readers USING (reader_id)
    LEFT JOIN current_ratings AS rating USING (assignment_id)
    GROUP BY assignments.study_id, assignments.reader_id"""

VIEWS = (_CURRENT, _REPORTS, _ERRORS, _PREFERENCES, _EXPLANATIONS, _PICTURES, _PROGRESS)
