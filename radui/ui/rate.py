"""The Rating tab: a reader's next case, blinded, with the answers saved at each change.

The form asks by its `select` event, {id, kind, …}, and is answered by its value with the same id, so that
it knows of each draft whether it is on the disk. What comes from a browser is believed in nothing: the
store looks up each task with the reader's id.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr

from radui.store import ratings
from radui.store.connection import Store
from radui.store.desk import desk_task
from radui.store.errors import RuleError
from radui.store.plan import GeneratedReport
from radui.store.readers import Reader
from radui.store.tasks import (
    Task,
    get_task,
    names_of,
    next_task,
    reader_progress,
    skipped_tasks,
    task_picture,
)
from radui.ui import asset_files
from radui.ui.rate_identity import Identify
from radui.ui.rate_payload import choices, pictures_value, studies_value, task_value
from radui.ui.sessions import Session, Sessions, session_key
from radui.ui.streams import sentence
from radui.ui.viewer import build_viewer

VIEWER = "rating"
Changes = dict[Any, Any]
Answer = dict[str, Any]


@dataclass(frozen=True)
class _Message:
    """One question of the form; `fields` as the browser sent them."""

    reader: Reader
    session: str
    fields: Mapping[str, Any]

    def text(self, name: str) -> str:
        """A field as text, empty where it is missing."""
        return str(self.fields.get(name) or "")

    @property
    def assignment(self) -> str:
        """The task that it is about."""
        return self.text("assignment")

    @property
    def answers(self) -> Mapping[str, Any]:
        """The form's answers; the store checks them."""
        given = self.fields.get("answers")
        return given if isinstance(given, Mapping) else {}

    @property
    def seconds(self) -> float:
        """Time on the case without idle time."""
        given = self.fields.get("seconds")
        return float(given) if isinstance(given, (int, float)) else 0.0


class RatingTab:
    """Answers the rating form.

    titles: {system: title}, for names that a study tells; they stay on the server.
    sessions: of the Compare tab, whose reports a single user may rate; None in a reading room.
    """

    def __init__(
        self,
        store: Store,
        identify: Identify,
        titles: Mapping[str, str],
        sessions: Sessions | None = None,
    ) -> None:
        self.store, self.identify, self.titles, self.sessions = store, identify, titles, sessions
        with gr.Row(elem_classes="rd-rating"):
            with gr.Column(elem_classes="rd-rating-pictures"):
                self.viewer = build_viewer(VIEWER)
            with gr.Column(elem_classes="rd-rating-form"):
                self.form = self._build_form()
        # Drafts come fast; the form sends the next one only after the answer to the last.
        self.form.select(
            self.answer,
            None,
            [self.form, self.viewer],
            show_progress="hidden",
            api_visibility="private",
            trigger_mode="multiple",
            concurrency_limit=None,
        )

    def _build_form(self) -> gr.HTML:
        return gr.HTML(
            value=None,
            html_template=asset_files.read("rate.html"),
            js_on_load="radui.mountRating(element, props, watch, (message) => trigger('select', message))",
            apply_default_css=False,
            elem_id="rating",
            viewer=VIEWER,
            choices=choices(),
            desk=self.sessions is not None,
            kept=str(self.store.path) if self.sessions is not None else "",
        )

    def answer(self, event: gr.EventData, request: gr.Request) -> Changes:
        """Answer one question of the form, with a sentence where it cannot be served."""
        fields = dict(event._data or {})
        number = fields.get("id")
        serve = self._served.get(str(fields.get("kind")))
        try:
            if serve is None:
                raise RuleError("The page is of another version; load it again.")
            reply, task = serve(_Message(self.identify(request), session_key(request), fields))
            shown = {} if task is None else {self.viewer: task}
        except Exception as error:
            reply, shown = {"kind": "refused", "problem": sentence(error)}, {}
        return {self.form: {**reply, "id": number}, **shown}

    @property
    def _served(self) -> dict[str, Callable[[_Message], tuple[Answer, Answer | None]]]:
        """Kind of question -> what answers it: (reply for the form, pictures for the viewer)."""
        return {
            "open": self._open,
            "draft": self._draft,
            "undo": self._undo,
            "submit": self._submit,
            "skip": self._skip,
            "skipped": self._skipped,
            "desk": self._desk,
        }

    def _open(self, message: _Message) -> tuple[Answer, Answer | None]:
        return self._state(message.reader, message.text("study"))

    def _draft(self, message: _Message) -> tuple[Answer, None]:
        ratings.save_draft(self.store, message.reader.reader_id, message.assignment, message.answers)
        return {"kind": "saved"}, None

    def _undo(self, message: _Message) -> tuple[Answer, None]:
        draft = ratings.undo(self.store, message.reader.reader_id, message.assignment)
        return {"kind": "undone", "draft": draft}, None

    def _submit(self, message: _Message) -> tuple[Answer, Answer | None]:
        reader_id = message.reader.reader_id
        receipt = ratings.submit(self.store, reader_id, message.assignment, message.answers, message.seconds)
        names: dict[str, str] = {}
        with suppress(RuleError):  # where the study does not tell them
            names = names_of(self.store, reader_id, message.assignment)
        told = " ".join(filter(None, (f"Saved at {receipt.recorded_at[11:19]} UTC.", receipt.warning)))
        return self._state(message.reader, message.text("study"), told, names)

    def _skip(self, message: _Message) -> tuple[Answer, Answer | None]:
        ratings.skip(
            self.store,
            message.reader.reader_id,
            message.assignment,
            message.text("reason"),
            message.seconds,
        )
        return self._state(message.reader, message.text("study"), "Skipped.")

    def _skipped(self, message: _Message) -> tuple[Answer, Answer | None]:
        study_id = message.text("study")
        waiting = skipped_tasks(self.store, message.reader.reader_id, study_id)
        task = get_task(self.store, message.reader.reader_id, waiting[0]) if waiting else None
        return self._state(message.reader, study_id, task=task)

    def _desk(self, message: _Message) -> tuple[Answer, Answer | None]:
        """Begin a rating of what the Compare tab of this browser tab shows; the names are told after it."""
        if self.sessions is None:
            raise RuleError("Reports of the Compare tab are rated by a single user only.")
        session = self.sessions.get(message.session)
        loaded = session.loaded
        if loaded is None:
            raise RuleError(
                "There is no report to rate yet: load a radiograph on the Compare tab, press Run."
            )
        study_id, task = desk_task(self.store, loaded.indicated(session.indication), _written(session))
        return self._state(message.reader, study_id, task=task)

    def _state(
        self,
        reader: Reader,
        study_id: str,
        told: str = "",
        names: Mapping[str, str] | None = None,
        task: Task | None = None,
    ) -> tuple[Answer, Answer | None]:
        """Where the reader stands: studies, and in the chosen one the next case."""
        progress = reader_progress(self.store, reader.reader_id)
        if study_id not in [each.study_id for each in progress]:
            study_id = next((each.study_id for each in progress if each.remaining), "")
        task = task or next_task(self.store, reader.reader_id, study_id)
        reply = {
            "kind": "state",
            "studies": studies_value(progress, study_id),
            "study": study_id,
            "skipped": len(skipped_tasks(self.store, reader.reader_id, study_id)),
            "message": told,
            "names": {letter: self.titles.get(name, name) for letter, name in (names or {}).items()},
        }
        if task is None:
            return {**reply, "task": None}, {"id": "", "views": []}
        read = partial(task_picture, self.store, reader.reader_id, task.assignment_id)
        return {**reply, "task": task_value(task, read)}, pictures_value(task, read)


def _written(session: Session) -> dict[str, GeneratedReport]:
    return {
        name: GeneratedReport(prediction.report, seconds=prediction.seconds)
        for name, prediction in session.run.reports.items()
    }
