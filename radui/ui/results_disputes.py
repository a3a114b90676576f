"""Reports on which readers differ, for an adjudicator: pictures, text and opinions, nobody named."""

from base64 import b64encode
from html import escape
from typing import Any

import gradio as gr

from radui.store.adjudication import QUESTIONS, Disagreement, Opinion, adjudicate, disagreements
from radui.store.answers import CATEGORIES
from radui.store.connection import Store
from radui.store.errors import RuleError
from radui.store.pictures import read_picture
from radui.store.readers import Reader
from radui.ui.rate_identity import Identify, admins_only

Changes = dict[Any, Any]
_EXCERPT = 60


class Disputes:
    """Builds the queue inside the surrounding `gr.Blocks` and answers its events.

    study: the component that holds the chosen study; notice: where problems are said.
    """

    def __init__(self, store: Store, identify: Identify, study: gr.Dropdown, notice: gr.HTML) -> None:
        self.store = store
        with gr.Accordion("", open=False, visible=False, elem_classes="rd-disputes") as self.queue:
            self.choice = gr.Dropdown([], label="Report on which readers differ", elem_id="dispute")
            self.opinions = gr.HTML("", apply_default_css=False, elem_id="opinions")
            self.decision = gr.Textbox(
                label="Decision", info=f"On its {' or its '.join(QUESTIONS)}.", elem_id="decision"
            )
            self.note = gr.Textbox(label="Why (optional)")
            self.decide = gr.Button("Record the decision", size="sm", elem_id="decide")
        self._connect(identify, study, notice)

    @property
    def shown(self) -> list[Any]:
        """The components that `show` changes."""
        return [self.queue, self.choice, self.opinions]

    def _connect(self, identify: Identify, study: gr.Dropdown, notice: gr.HTML) -> None:
        listen: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        chosen = [study, self.choice]
        self.choice.input(
            admins_only(identify, notice, self.choose), chosen, [self.opinions, notice], **listen
        )
        self.decide.click(
            admins_only(identify, notice, self.record),
            [*chosen, self.decision, self.note],
            [*self.shown, self.decision, self.note, notice],
            **listen,
        )

    def show(self, study_id: str) -> Changes:
        """Return the queue of a study, its first report open."""
        found = disagreements(self.store, study_id)
        choices = [
            (f"{number}. {each.text[:_EXCERPT]} … ({each.question})", _key(each))
            for number, each in enumerate(found, 1)
        ]
        return {
            self.queue: gr.update(visible=bool(found), label=f"Disagreements to adjudicate ({len(found)})"),
            self.choice: gr.update(choices=choices, value=choices[0][1] if choices else None),
            self.opinions: self._html(found[0]) if found else "",
        }

    def choose(self, reader: Reader, study_id: str | None, key: str | None) -> Changes:
        """Show the report that was chosen."""
        return {self.opinions: self._html(self._find(study_id, key))}

    def record(
        self, reader: Reader, study_id: str | None, key: str | None, decision: str, note: str
    ) -> Changes:
        """Record what the adjudicator decides, and go on to the next report."""
        found = self._find(study_id, key)
        adjudicate(self.store, reader.reader_id, found.candidate_id, found.question, decision, note)
        return {**self.show(study_id or ""), self.decision: "", self.note: ""}

    def _find(self, study_id: str | None, key: str | None) -> Disagreement:
        for each in disagreements(self.store, study_id) if study_id else ():
            if _key(each) == key:
                return each
        raise RuleError("Choose a report on which readers differ.")

    def _html(self, dispute: Disagreement) -> str:
        pictures = "".join(
            f'<img src="data:image/png;base64,{b64encode(read_picture(self.store, digest)).decode()}" '
            f'alt="View {number}">'
            for number, digest in enumerate(dispute.pictures, 1)
        )
        indication = f"<p><b>Indication</b> {escape(dispute.indication)}</p>" if dispute.indication else ""
        opinions = "".join(f"<li>{_opinion(each)}</li>" for each in dispute.opinions)
        return (
            f'<div class="rd-dispute"><div class="rd-dispute-pictures">{pictures}</div>'
            f"<div>{indication}<p>{escape(dispute.text)}</p><ul>{opinions}</ul></div></div>"
        )


def _key(dispute: Disagreement) -> str:
    return f"{dispute.candidate_id}/{dispute.question}"


def _opinion(opinion: Opinion) -> str:
    """Acceptability, then each error that this reader marked."""
    level = (
        "Acceptability not asked"
        if opinion.acceptability is None
        else f"Acceptability {opinion.acceptability}"
    )
    marked = "; ".join(
        f"{'significant: ' if significant else ''}{CATEGORIES[category].lower()}"
        + (f" <q>{escape(quote)}</q>" if quote else "")
        for category, significant, quote in opinion.errors
    )
    return f"<b>{level}</b>. {marked or 'No error marked'}."
