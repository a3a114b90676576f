"""A page whose events end in a result or in a sentence, whatever a browser or a script sends."""

from typing import Any

import gradio as gr

from radui.ui.streams import sentence

MISFIT = "The page sent a value that does not fit; load it again."


class Page(gr.Blocks):
    """Blocks that say an unexpected error in a sentence; its words and its trace stay in the log."""

    async def process_api(self, *arguments: Any, **options: Any) -> dict[str, Any]:
        """Answer one event; raises gr.Error alone."""
        try:
            return await super().process_api(*arguments, **options)
        except gr.Error as error:
            if not error.print_exception:  # of a handler, which chose its words
                raise
            # Gradio's own are kept where they are a sentence, as of a number out of bounds.
            words = error.message if _is_sentence(str(error.message)) else MISFIT
            raise gr.Error(words, print_exception=False) from None
        except Exception as error:
            raise gr.Error(sentence(error), print_exception=False) from None


def _is_sentence(words: str) -> bool:
    return words.endswith(".") and words.isprintable() and len(words) < 200
