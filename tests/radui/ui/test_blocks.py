"""What an event says when it cannot be answered, without a server."""

import asyncio

import gradio as gr
import pytest

from radui.processing.errors import TooLarge
from radui.ui.blocks import MISFIT, Page


def fail(error):
    def handler(*_):
        raise error

    return handler


@pytest.mark.parametrize(
    ("handler", "value", "words"),
    [
        (fail(KeyError("secret")), 1, "This went wrong on the server (KeyError); its log has the details."),
        (fail(TooLarge("Too large; export it smaller.")), 1, "Too large; export it smaller."),
        (fail(gr.Error("Chosen words", print_exception=False)), 1, "Chosen words"),
        (fail(gr.Error("secret\nof several lines.")), 1, MISFIT),
        (abs, -5, "Value -5 is less than minimum value 0."),  # Gradio's own, of the number's bounds
    ],
)
def test_an_event_that_fails_says_a_sentence(handler, value, words):
    with Page() as page:
        number = gr.Number(0, minimum=0, precision=0)
        number.change(handler, number, number)
    with pytest.raises(gr.Error) as said:
        asyncio.run(page.process_api(0, [value]))
    assert said.value.message == words
    assert not said.value.print_exception
