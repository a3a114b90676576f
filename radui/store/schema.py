"""Version 1 of the tables: what a reading study shows, who reads it, and the events that readers leave.

Each table and column is described in `dictionary`. Statements are kept apart, since a script of several
would end the transaction that a migration runs in.
"""

SCHEMA_VERSION = 1
"""Of the answers in rating_events, stored with each; raised when their meaning changes."""

TABLES = (
    """CREATE TABLE readers (
        reader_id TEXT PRIMARY KEY,
        name TEXT NOT NULL UNIQUE COLLATE NOCASE,
        role TEXT NOT NULL CHECK (role IN ('reader', 'admin')),
        password_hash TEXT,
        active INTEGER NOT NULL DEFAULT 1 CHECK (active IN (0, 1)),
        created_at TEXT NOT NULL
    ) STRICT""",
    """CREATE TABLE reading_studies (
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
    ) STRICT""",
    """CREATE TABLE pictures (
        picture_sha256 TEXT PRIMARY KEY,
        width INTEGER NOT NULL,
        height INTEGER NOT NULL,
        view TEXT CHECK (view IN ('frontal', 'lateral'))
    ) STRICT""",
    """CREATE TABLE cases (
        case_id TEXT PRIMARY KEY,
        study_id TEXT NOT NULL REFERENCES reading_studies,
        position INTEGER NOT NULL,
        name TEXT NOT NULL,
        indication TEXT NOT NULL,
        reference_report TEXT,
        UNIQUE (study_id, position),
        UNIQUE (study_id, name)
    ) STRICT""",
    """CREATE TABLE case_pictures (
        case_id TEXT NOT NULL REFERENCES cases,
        position INTEGER NOT NULL,
        picture_sha256 TEXT NOT NULL REFERENCES pictures,
        PRIMARY KEY (case_id, position)
    ) STRICT""",
    """CREATE TABLE candidates (
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
    ) STRICT""",
    """CREATE TABLE assignments (
        assignment_id TEXT PRIMARY KEY,
        study_id TEXT NOT NULL REFERENCES reading_studies,
        case_id TEXT NOT NULL REFERENCES cases,
        reader_id TEXT NOT NULL REFERENCES readers,
        round INTEGER NOT NULL CHECK (round IN (1, 2)),
        queue_position INTEGER NOT NULL,
        order_seed INTEGER NOT NULL,
        created_at TEXT NOT NULL,
        UNIQUE (study_id, reader_id, queue_position)
    ) STRICT""",
    """CREATE TABLE assignment_letters (
        assignment_id TEXT NOT NULL REFERENCES assignments,
        letter TEXT NOT NULL,
        candidate_id TEXT NOT NULL REFERENCES candidates,
        PRIMARY KEY (assignment_id, letter),
        UNIQUE (assignment_id, candidate_id)
    ) STRICT""",
    """CREATE TABLE drafts (
        assignment_id TEXT NOT NULL REFERENCES assignments,
        step INTEGER NOT NULL,
        answers_json TEXT NOT NULL,
        saved_at TEXT NOT NULL,
        PRIMARY KEY (assignment_id, step)
    ) STRICT""",
    """CREATE TABLE rating_events (
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
    ) STRICT""",
    """CREATE TABLE merges (
        merge_id INTEGER PRIMARY KEY,
        merged_at TEXT NOT NULL,
        file_name TEXT NOT NULL,
        events_added INTEGER NOT NULL,
        readers_renamed_json TEXT NOT NULL
    ) STRICT""",
    "CREATE INDEX candidates_of_case ON candidates (case_id)",
    "CREATE INDEX assignments_of_reader ON assignments (reader_id, study_id)",
    "CREATE INDEX assignments_of_case ON assignments (case_id)",
    "CREATE INDEX events_of_assignment ON rating_events (assignment_id)",
    "CREATE INDEX events_of_study ON rating_events (study_id)",
)


def append_only(table: str) -> tuple[str, str]:
    """Triggers that refuse to change or delete a row, whoever asks."""
    return (
        f"CREATE TRIGGER {table}_are_not_changed BEFORE UPDATE ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} are append-only'); END",
        f"CREATE TRIGGER {table}_are_not_deleted BEFORE DELETE ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} are append-only'); END",
    )


APPEND_ONLY = ("rating_events", "candidates", "cases", "case_pictures", "pictures", "assignment_letters")
"""What was shown must stay as it was shown."""

ADJUDICATIONS = (
    """CREATE TABLE adjudication_events (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        event_id TEXT NOT NULL UNIQUE,
        recorded_at TEXT NOT NULL,
        reader_id TEXT NOT NULL REFERENCES readers,
        study_id TEXT NOT NULL REFERENCES reading_studies,
        case_id TEXT NOT NULL REFERENCES cases,
        candidate_id TEXT REFERENCES candidates,
        question TEXT NOT NULL,
        decision TEXT NOT NULL,
        note TEXT NOT NULL
    ) STRICT""",
    "CREATE INDEX adjudications_of_study ON adjudication_events (study_id)",
    *append_only("adjudication_events"),
)
"""Version 2: what an adjudicator decides where readers disagree."""
