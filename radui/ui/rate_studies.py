"""The Studies tab: an admin adds readers and creates a reading study from uploaded pictures."""

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from radui.engine import Engine
from radui.processing.images import read_study
from radui.reading_study import check_systems, engine_reports, ready_systems
from radui.store.connection import Store
from radui.store.creation import create_study, prepare_case
from radui.store.errors import RuleError
from radui.store.plan import NewCase, Questions, StudyPlan
from radui.store.queues import open_study
from radui.store.readers import LOCAL, Reader, add_reader, list_readers
from radui.ui.intake import take_files
from radui.ui.rate_identity import Identify, admin, admins_only
from radui.ui.rate_studies_layout import ASKED, EVERY, StudiesLayout
from radui.ui.streams import sentence

TEXT = ".txt"
Changes = dict[Any, Any]


class StudiesTab:
    """Answers the events of the tab; each handler checks the role."""

    def __init__(self, store: Store, identify: Identify, engine: Engine) -> None:
        self.store, self.identify, self.engine = store, identify, engine
        self.page = StudiesLayout()
        self._connect()

    def _connect(self) -> None:
        page = self.page
        listen: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        added = [page.readers, page.new_name, page.new_password, page.notice, page.told]
        page.add.click(
            admins_only(self.identify, page.notice, self.add),
            [page.new_name, page.new_password, page.new_role],
            added,
            **listen,
        )
        page.create.click(
            self.create, page.of_plan, [page.notice, page.told, page.files, page.create], **listen
        )

    def open(self, tab: gr.Tab) -> None:
        """List systems and readers whenever the tab is opened: they may have changed."""
        handler = admins_only(self.identify, self.page.notice, self.refresh)
        shown = [self.page.systems, self.page.readers, self.page.notice]
        tab.select(handler, None, shown, show_progress="hidden", api_visibility="private")

    def refresh(self, reader: Reader) -> Changes:
        """Return the systems that can write and the readers that may rate."""
        titles = {status.name: status.title for status in self.engine.systems()}
        ready = ready_systems(self.engine)
        choices = [(titles[name], name) for name in ready]
        return {
            self.page.systems: gr.update(choices=choices, value=list(ready)),
            self.page.readers: self._readers([reader.name] if reader.name == LOCAL else []),
        }

    def add(self, reader: Reader, name: str, password: str, role: str) -> Changes:
        """Add a reader; without a password it comes by single sign-on."""
        added = add_reader(
            self.store, name.strip(), "admin" if role == "admin" else "reader", password or None
        )
        return {
            self.page.readers: self._readers(),
            self.page.new_name: "",
            self.page.new_password: "",
            self.page.told: f"Added the {added.role} {escape(added.name)}.",
        }

    def create(self, request: gr.Request, *values: Any) -> Iterator[Changes]:
        """Create a study or go on with it, telling how far it is; then open it to its readers."""
        page = self.page
        files: Sequence[str] = ()
        try:
            admin(self.identify(request))
            given = dict(zip((str(each.elem_id) for each in page.of_plan), values, strict=True))
            files = given["plan-files"] or ()
            yield {page.create: gr.update(interactive=False), page.notice: ""}
            for told in self._create(_plan(given), take_cases(files), given["plan-readers"]):
                yield {page.told: escape(told)}
            yield {page.files: None}
        except Exception as error:
            yield {page.notice: escape(sentence(error)), **({page.files: None} if files else {})}
        yield {page.create: gr.update(interactive=True)}

    def _create(self, plan: StudyPlan, cases: Sequence[NewCase], names: Sequence[str]) -> Iterator[str]:
        check_systems(self.engine, plan.systems, plan.questions.pictures)
        ids = {each.name: each.reader_id for each in list_readers(self.store) if each.active}
        chosen = [ids[name] for name in names if name in ids]
        if not chosen:
            raise RuleError("Choose at least one reader.")
        study_id = create_study(self.store, plan)
        generate = engine_reports(self.engine, plan.questions.pictures)
        for number, case in enumerate(cases, 1):
            yield f"Case {number} of {len(cases)}: {len(plan.candidates)} reports."
            prepare_case(self.store, study_id, case, generate)
        open_study(self.store, study_id, chosen)
        yield f"The study {plan.title} is open: {len(cases)} cases, {len(chosen)} readers."

    def _readers(self, chosen: Sequence[str] = ()) -> Any:
        names = [each.name for each in list_readers(self.store) if each.active]
        return gr.update(choices=names, value=[name for name in chosen if name in names])


def _plan(given: dict[str, Any]) -> StudyPlan:
    every = given["plan-share"] in (None, EVERY, "")
    return StudyPlan(
        title=str(given["plan-title"] or "").strip(),
        systems=tuple(given["plan-systems"]),
        design="pairwise" if given["plan-design"] == "pairwise" else "side_by_side",
        include_reference=bool(given["plan-reference"]),
        readers_per_case=None if every else int(given["plan-share"]),
        repeat_share=float(given["plan-repeats"]),
        seed=int(given["plan-seed"] or 0),
        reveal_names=bool(given["plan-reveal"]),
        instructions=str(given["plan-instructions"] or ""),
        questions=Questions(**{name: name in given["plan-questions"] for name in ASKED}),
    )


def take_cases(paths: Sequence[str]) -> list[NewCase]:
    """Uploaded pictures -> cases in the order of their names, a text beside a picture as its reference.

    Cases are numbered: a file's name may tell who was X-rayed. The uploads are deleted.
    """
    files = sorted(map(Path, paths), key=lambda path: path.name)
    data = dict(zip(files, take_files(files), strict=True))
    texts = {path.stem: content for path, content in data.items() if path.suffix.lower() == TEXT}
    pictures = [path for path in files if path.suffix.lower() != TEXT]
    if not pictures:
        raise RuleError("Choose the pictures first; each becomes a case.")
    return [
        NewCase(f"{number:04d}", read_study([data[path]]), _report(texts.get(path.stem)))
        for number, path in enumerate(pictures, 1)
    ]


def _report(text: bytes | None) -> str | None:
    return text.decode("utf-8", "replace").strip() or None if text is not None else None
