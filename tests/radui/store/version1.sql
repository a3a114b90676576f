-- A file as version 1 of the store left it: one case rated, a draft of another.
BEGIN TRANSACTION;
CREATE TABLE "_sqlite_migrations" (
   "id" INTEGER PRIMARY KEY,
   "migration_set" TEXT,
   "name" TEXT,
   "applied_at" TEXT
);
INSERT INTO "_sqlite_migrations" VALUES(1,'radui','0001_reading_room','2026-11-22 03:54:28.871713+00:00');
CREATE TABLE assignment_letters (
        assignment_id TEXT NOT NULL REFERENCES assignments,
        letter TEXT NOT NULL,
        candidate_id TEXT NOT NULL REFERENCES candidates,
        PRIMARY KEY (assignment_id, letter),
        UNIQUE (assignment_id, candidate_id)
    ) STRICT;
INSERT INTO "assignment_letters" VALUES('129afe6e48d547a19002b3acd8228a61','A','212a113229814325b63a305343f13583');
INSERT INTO "assignment_letters" VALUES('129afe6e48d547a19002b3acd8228a61','B','bfd6178e19bc44198de04b80dcf2ed2e');
INSERT INTO "assignment_letters" VALUES('2775fb2755e741beb73e0127711a3660','A','02a8a644c15642caa2f42f638557a440');
INSERT INTO "assignment_letters" VALUES('2775fb2755e741beb73e0127711a3660','B','4d7728e579cb48f8834c9ef247ab28ae');
CREATE TABLE assignments (
        assignment_id TEXT PRIMARY KEY,
        study_id TEXT NOT NULL REFERENCES reading_studies,
        case_id TEXT NOT NULL REFERENCES cases,
        reader_id TEXT NOT NULL REFERENCES readers,
        round INTEGER NOT NULL CHECK (round IN (1, 2)),
        queue_position INTEGER NOT NULL,
        order_seed INTEGER NOT NULL,
        created_at TEXT NOT NULL,
        UNIQUE (study_id, reader_id, queue_position)
    ) STRICT;
INSERT INTO "assignments" VALUES('129afe6e48d547a19002b3acd8228a61','201b79abcf42400997415aeba18b8ace','116b6d6a2cd8402a846031c2bcb0647e','31a45a8230b24da8aeb1119eced2b346',1,0,145320085768201,'2026-11-01T09:00:00.000000+00:00');
INSERT INTO "assignments" VALUES('2775fb2755e741beb73e0127711a3660','201b79abcf42400997415aeba18b8ace','458b177f529943e1a7a2d01d43e56c1d','31a45a8230b24da8aeb1119eced2b346',1,1,99395302349228,'2026-11-01T09:00:00.000000+00:00');
CREATE TABLE candidates (
        candidate_id TEXT PRIMARY KEY,
        case_id TEXT NOT NULL REFERENCES cases,
        system TEXT NOT NULL,
        report TEXT NOT NULL,
        shown_report TEXT NOT NULL,
        shown_sha256 TEXT NOT NULL,
        normalisations_json TEXT NOT NULL,
        checkpoint_sha256 TEXT,
        picture_sha256 TEXT REFERENCES pictures,
        generation_seconds REAL,
        created_at TEXT NOT NULL,
        UNIQUE (case_id, system)
    ) STRICT;
INSERT INTO "candidates" VALUES('02a8a644c15642caa2f42f638557a440','458b177f529943e1a7a2d01d43e56c1d','xpronet','The heart is normal (two).','The heart is normal (two).','687dbdaa6c6ea4747abc19f2d2bb6bac13e64bce069141d679c95b2a84a39abd','[]',NULL,NULL,NULL,'2026-11-01T09:00:00.000000+00:00');
INSERT INTO "candidates" VALUES('4d7728e579cb48f8834c9ef247ab28ae','458b177f529943e1a7a2d01d43e56c1d','medrat','The heart is normal (one).','The heart is normal (one).','e6b39b4ccf9658bc460de59673100d8520edcf9af841aa59cc7a5d2a13d40b47','[]',NULL,NULL,NULL,'2026-11-01T09:00:00.000000+00:00');
INSERT INTO "candidates" VALUES('212a113229814325b63a305343f13583','116b6d6a2cd8402a846031c2bcb0647e','xpronet','The heart is normal (two).','The heart is normal (two).','687dbdaa6c6ea4747abc19f2d2bb6bac13e64bce069141d679c95b2a84a39abd','[]',NULL,NULL,NULL,'2026-11-01T09:00:00.000000+00:00');
INSERT INTO "candidates" VALUES('bfd6178e19bc44198de04b80dcf2ed2e','116b6d6a2cd8402a846031c2bcb0647e','medrat','The heart is normal (one).','The heart is normal (one).','e6b39b4ccf9658bc460de59673100d8520edcf9af841aa59cc7a5d2a13d40b47','[]',NULL,NULL,NULL,'2026-11-01T09:00:00.000000+00:00');
CREATE TABLE case_pictures (
        case_id TEXT NOT NULL REFERENCES cases,
        position INTEGER NOT NULL,
        picture_sha256 TEXT NOT NULL REFERENCES pictures,
        PRIMARY KEY (case_id, position)
    ) STRICT;
INSERT INTO "case_pictures" VALUES('458b177f529943e1a7a2d01d43e56c1d',0,'08e896dda33ff808c1594bf2c8b5021792b9f98641155344880c53c0ab89c54d');
INSERT INTO "case_pictures" VALUES('116b6d6a2cd8402a846031c2bcb0647e',0,'08e896dda33ff808c1594bf2c8b5021792b9f98641155344880c53c0ab89c54d');
CREATE TABLE cases (
        case_id TEXT PRIMARY KEY,
        study_id TEXT NOT NULL REFERENCES reading_studies,
        position INTEGER NOT NULL,
        name TEXT NOT NULL,
        indication TEXT NOT NULL,
        reference_report TEXT,
        UNIQUE (study_id, position),
        UNIQUE (study_id, name)
    ) STRICT;
INSERT INTO "cases" VALUES('458b177f529943e1a7a2d01d43e56c1d','201b79abcf42400997415aeba18b8ace',0,'case-0','cough',NULL);
INSERT INTO "cases" VALUES('116b6d6a2cd8402a846031c2bcb0647e','201b79abcf42400997415aeba18b8ace',1,'case-1','cough',NULL);
CREATE TABLE drafts (
        assignment_id TEXT NOT NULL REFERENCES assignments,
        step INTEGER NOT NULL,
        answers_json TEXT NOT NULL,
        saved_at TEXT NOT NULL,
        PRIMARY KEY (assignment_id, step)
    ) STRICT;
INSERT INTO "drafts" VALUES('2775fb2755e741beb73e0127711a3660',1,'{"confidence": 2}','2026-11-01T09:00:00.000000+00:00');
CREATE TABLE merges (
        merge_id INTEGER PRIMARY KEY,
        merged_at TEXT NOT NULL,
        file_name TEXT NOT NULL,
        events_added INTEGER NOT NULL,
        readers_renamed_json TEXT NOT NULL
    ) STRICT;
CREATE TABLE pictures (
        picture_sha256 TEXT PRIMARY KEY,
        width INTEGER NOT NULL,
        height INTEGER NOT NULL,
        view TEXT CHECK (view IN ('frontal', 'lateral'))
    ) STRICT;
INSERT INTO "pictures" VALUES('08e896dda33ff808c1594bf2c8b5021792b9f98641155344880c53c0ab89c54d',8,8,'frontal');
CREATE TABLE rating_events (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        event_id TEXT NOT NULL UNIQUE,
        kind TEXT NOT NULL CHECK (kind IN ('submitted', 'skipped')),
        recorded_at TEXT NOT NULL,
        clock_set_back INTEGER NOT NULL CHECK (clock_set_back IN (0, 1)),
        reader_id TEXT NOT NULL REFERENCES readers,
        study_id TEXT NOT NULL REFERENCES reading_studies,
        case_id TEXT NOT NULL REFERENCES cases,
        assignment_id TEXT NOT NULL REFERENCES assignments,
        revision INTEGER NOT NULL,
        schema_version INTEGER NOT NULL,
        active_seconds REAL NOT NULL,
        shown_json TEXT NOT NULL,
        answers_json TEXT NOT NULL
    ) STRICT;
INSERT INTO "rating_events" VALUES(1,'39646564c8ae4d4b8612100cbdcab88c','submitted','2026-11-01T09:00:00.000000+00:00',0,'31a45a8230b24da8aeb1119eced2b346','201b79abcf42400997415aeba18b8ace','116b6d6a2cd8402a846031c2bcb0647e','129afe6e48d547a19002b3acd8228a61',1,1,42.0,'{"blinded": true, "order_seed": 145320085768201, "pictures_sha256": ["08e896dda33ff808c1594bf2c8b5021792b9f98641155344880c53c0ab89c54d"], "reports": {"A": {"system": "xpronet", "text": "The heart is normal (two).", "text_sha256": "687dbdaa6c6ea4747abc19f2d2bb6bac13e64bce069141d679c95b2a84a39abd", "normalisations": [], "checkpoint_sha256": null, "picture_sha256": null}, "B": {"system": "medrat", "text": "The heart is normal (one).", "text_sha256": "e6b39b4ccf9658bc460de59673100d8520edcf9af841aa59cc7a5d2a13d40b47", "normalisations": [], "checkpoint_sha256": null, "picture_sha256": null}}}','{"image_quality_sufficient": true, "confidence": 4, "reports": {"A": {"errors": [], "no_errors": true, "acceptability": 4, "hallucination": false, "clarity": 5, "radpeer": null, "edited_report": null, "edited_characters": null, "edited_words": null, "edit_seconds": 0.0}, "B": {"errors": [{"category": "omission", "significant": true, "start": null, "end": null, "quote": null, "replacement": "", "severity": null, "anatomy": "", "note": ""}], "no_errors": false, "acceptability": 4, "hallucination": false, "clarity": 5, "radpeer": null, "edited_report": null, "edited_characters": null, "edited_words": null, "edit_seconds": 0.0}}, "preference": "A", "strength": null, "ranking": null, "reason": "", "explanations": [], "pictures": {}}');
CREATE TABLE readers (
        reader_id TEXT PRIMARY KEY,
        name TEXT NOT NULL UNIQUE COLLATE NOCASE,
        role TEXT NOT NULL CHECK (role IN ('reader', 'admin')),
        password_hash TEXT,
        active INTEGER NOT NULL DEFAULT 1 CHECK (active IN (0, 1)),
        created_at TEXT NOT NULL
    ) STRICT;
INSERT INTO "readers" VALUES('31a45a8230b24da8aeb1119eced2b346','ann','reader',NULL,1,'2026-11-01T09:00:00.000000+00:00');
CREATE TABLE reading_studies (
        study_id TEXT PRIMARY KEY,
        title TEXT NOT NULL UNIQUE,
        instructions TEXT NOT NULL,
        design TEXT NOT NULL CHECK (design IN ('pairwise', 'side_by_side')),
        systems_json TEXT NOT NULL,
        questions_json TEXT NOT NULL,
        include_reference INTEGER NOT NULL CHECK (include_reference IN (0, 1)),
        readers_per_case INTEGER CHECK (readers_per_case > 0),
        repeat_share REAL NOT NULL CHECK (repeat_share BETWEEN 0 AND 1),
        seed INTEGER NOT NULL,
        blinded INTEGER NOT NULL CHECK (blinded IN (0, 1)),
        reveal_names INTEGER NOT NULL CHECK (reveal_names IN (0, 1)),
        state TEXT NOT NULL CHECK (state IN ('preparing', 'open', 'closed')),
        created_at TEXT NOT NULL
    ) STRICT;
INSERT INTO "reading_studies" VALUES('201b79abcf42400997415aeba18b8ace','pilot','','side_by_side','["xpronet", "medrat"]','{"image_quality": true, "confidence": true, "errors": true, "acceptability": true, "hallucination": true, "clarity": true, "preference": true, "severity": false, "radpeer": false, "explanations": true, "pictures": false}',0,NULL,0.0,0,1,0,'open','2026-11-01T09:00:00.000000+00:00');
CREATE UNIQUE INDEX "idx__sqlite_migrations_migration_set_name"
    ON "_sqlite_migrations" ("migration_set", "name");
CREATE INDEX candidates_of_case ON candidates (case_id);
CREATE INDEX assignments_of_reader ON assignments (reader_id, study_id);
CREATE INDEX assignments_of_case ON assignments (case_id);
CREATE INDEX events_of_assignment ON rating_events (assignment_id);
CREATE INDEX events_of_study ON rating_events (study_id);
CREATE VIEW current_ratings AS
    SELECT event_id, kind, recorded_at, study_id, case_id, assignment_id, reader_id, round, revision,
        active_seconds, shown_json, answers_json,
        json_extract(answers_json, '$.image_quality_sufficient') AS image_quality_sufficient,
        json_extract(answers_json, '$.confidence') AS confidence,
        json_extract(answers_json, '$.reason') AS reason
    FROM (
        SELECT rating_events.*, assignments.round, row_number() OVER (
            PARTITION BY assignment_id ORDER BY revision DESC, event_id DESC) AS newest_first
        FROM rating_events JOIN assignments USING (assignment_id))
    WHERE newest_first = 1;
CREATE VIEW report_ratings AS
    SELECT rating.event_id, rating.study_id, rating.case_id, rating.assignment_id, rating.reader_id, rating.round, letters.letter, letters.candidate_id, candidates.system,
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
    FROM (SELECT * FROM current_ratings WHERE kind = 'submitted') AS rating, json_each(rating.answers_json, '$.reports') AS answer
    JOIN assignment_letters AS letters
        ON letters.assignment_id = rating.assignment_id AND letters.letter = answer.key
    JOIN candidates USING (candidate_id);
CREATE VIEW report_errors AS
    SELECT rating.event_id, rating.study_id, rating.case_id, rating.assignment_id, rating.reader_id, rating.round, letters.letter, letters.candidate_id, candidates.system, error.key AS error_number,
        json_extract(error.value, '$.category') AS category,
        json_extract(error.value, '$.significant') AS significant,
        json_extract(error.value, '$.start') AS span_start,
        json_extract(error.value, '$.end') AS span_end,
        json_extract(error.value, '$.quote') AS quote,
        json_extract(error.value, '$.replacement') AS replacement,
        json_extract(error.value, '$.severity') AS severity,
        json_extract(error.value, '$.anatomy') AS anatomy,
        json_extract(error.value, '$.note') AS note
    FROM (SELECT * FROM current_ratings WHERE kind = 'submitted') AS rating, json_each(rating.answers_json, '$.reports') AS answer,
        json_each(answer.value, '$.errors') AS error
    JOIN assignment_letters AS letters
        ON letters.assignment_id = rating.assignment_id AND letters.letter = answer.key
    JOIN candidates USING (candidate_id);
CREATE VIEW preferences AS
    SELECT rating.event_id, rating.study_id, rating.case_id, rating.assignment_id, rating.reader_id, rating.round,
        json_extract(rating.answers_json, '$.preference') AS preference,
        json_extract(rating.answers_json, '$.strength') AS strength,
        (SELECT system FROM assignment_letters AS letters JOIN candidates USING (candidate_id)
            WHERE letters.assignment_id = rating.assignment_id
            AND letters.letter = json_extract(rating.answers_json, '$.preference')) AS preferred_system,
        (SELECT json_group_object(letter, system) FROM (SELECT letter, system
            FROM assignment_letters AS letters JOIN candidates USING (candidate_id)
            WHERE letters.assignment_id = rating.assignment_id ORDER BY letter)) AS systems_json,
        json_extract(rating.answers_json, '$.ranking') AS ranking_json
    FROM (SELECT * FROM current_ratings WHERE kind = 'submitted') AS rating
    WHERE json_extract(rating.answers_json, '$.preference') IS NOT NULL
        OR json_extract(rating.answers_json, '$.ranking') IS NOT NULL;
CREATE VIEW explanation_ratings AS
    SELECT rating.event_id, rating.study_id, rating.case_id, rating.assignment_id, rating.reader_id, rating.round, letters.letter, letters.candidate_id, candidates.system,
        json_extract(region.value, '$.start') AS span_start,
        json_extract(region.value, '$.end') AS span_end,
        json_extract(region.value, '$.quote') AS quote,
        json_extract(region.value, '$.support') AS support,
        json_extract(region.value, '$.view') AS view_number,
        json_extract(region.value, '$.box') AS box_json
    FROM (SELECT * FROM current_ratings WHERE kind = 'submitted') AS rating, json_each(rating.answers_json, '$.explanations') AS region
    JOIN assignment_letters AS letters ON letters.assignment_id = rating.assignment_id
        AND letters.letter = json_extract(region.value, '$.letter')
    JOIN candidates USING (candidate_id);
CREATE VIEW picture_ratings AS
    SELECT rating.event_id, rating.study_id, rating.case_id, rating.assignment_id, rating.reader_id, rating.round, letters.letter, letters.candidate_id, candidates.system, candidates.picture_sha256,
        json_extract(answer.value, '$.realism') AS realism,
        json_extract(answer.value, '$.agreement') AS agreement,
        json_extract(answer.value, '$.missing') AS missing_findings,
        json_extract(answer.value, '$.added') AS added_findings
    FROM (SELECT * FROM current_ratings WHERE kind = 'submitted') AS rating, json_each(rating.answers_json, '$.pictures') AS answer
    JOIN assignment_letters AS letters
        ON letters.assignment_id = rating.assignment_id AND letters.letter = answer.key
    JOIN candidates USING (candidate_id);
CREATE VIEW reader_progress AS
    SELECT assignments.study_id, assignments.reader_id, readers.name AS reader_name,
        count(*) AS assigned,
        count(*) FILTER (WHERE rating.kind = 'submitted') AS submitted,
        count(*) FILTER (WHERE rating.kind = 'skipped') AS skipped,
        coalesce(sum(rating.active_seconds), 0) AS active_seconds
    FROM assignments JOIN readers USING (reader_id)
    LEFT JOIN current_ratings AS rating USING (assignment_id)
    GROUP BY assignments.study_id, assignments.reader_id;
CREATE TRIGGER rating_events_are_not_changed BEFORE UPDATE ON rating_events BEGIN SELECT RAISE(ABORT, 'rating_events are append-only'); END;
CREATE TRIGGER rating_events_are_not_deleted BEFORE DELETE ON rating_events BEGIN SELECT RAISE(ABORT, 'rating_events are append-only'); END;
CREATE TRIGGER candidates_are_not_changed BEFORE UPDATE ON candidates BEGIN SELECT RAISE(ABORT, 'candidates are append-only'); END;
CREATE TRIGGER candidates_are_not_deleted BEFORE DELETE ON candidates BEGIN SELECT RAISE(ABORT, 'candidates are append-only'); END;
CREATE TRIGGER cases_are_not_changed BEFORE UPDATE ON cases BEGIN SELECT RAISE(ABORT, 'cases are append-only'); END;
CREATE TRIGGER cases_are_not_deleted BEFORE DELETE ON cases BEGIN SELECT RAISE(ABORT, 'cases are append-only'); END;
CREATE TRIGGER case_pictures_are_not_changed BEFORE UPDATE ON case_pictures BEGIN SELECT RAISE(ABORT, 'case_pictures are append-only'); END;
CREATE TRIGGER case_pictures_are_not_deleted BEFORE DELETE ON case_pictures BEGIN SELECT RAISE(ABORT, 'case_pictures are append-only'); END;
CREATE TRIGGER pictures_are_not_changed BEFORE UPDATE ON pictures BEGIN SELECT RAISE(ABORT, 'pictures are append-only'); END;
CREATE TRIGGER pictures_are_not_deleted BEFORE DELETE ON pictures BEGIN SELECT RAISE(ABORT, 'pictures are append-only'); END;
CREATE TRIGGER assignment_letters_are_not_changed BEFORE UPDATE ON assignment_letters BEGIN SELECT RAISE(ABORT, 'assignment_letters are append-only'); END;
CREATE TRIGGER assignment_letters_are_not_deleted BEFORE DELETE ON assignment_letters BEGIN SELECT RAISE(ABORT, 'assignment_letters are append-only'); END;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('rating_events',1);
COMMIT;
