"""First weights of a text encoder, from any BERT by name or folder."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from radui.nn.text_encoder import TextConfig, TextEncoder
from radui.processing.tokens import PieceTokens


def start_from_bert(encoder: TextEncoder, source: str, words: Sequence[str]) -> None:
    """Fill an encoder of words with a BERT's embeddings and its first layers, in place.

    source: name or folder; its widths must be the encoder's. words: of rows 1, 2, ...; a word starts as the
    mean of its pieces' embeddings. ValueError where the sizes differ.
    """
    from transformers import AutoModel, AutoTokenizer

    found: Any = AutoModel.from_pretrained(source)
    tokenizer = AutoTokenizer.from_pretrained(source)
    config = encoder.config
    if (found.config.hidden_size, found.config.intermediate_size) != (config.width, config.feedforward):
        raise ValueError(f"{source} has other widths than the text encoder; set them to the same.")
    weights = found.state_dict()
    table = weights["embeddings.word_embeddings.weight"]
    weights["embeddings.word_embeddings.weight"] = _word_rows(table, tokenizer, words)
    weights["embeddings.position_embeddings.weight"] = weights["embeddings.position_embeddings.weight"][
        : config.positions
    ]
    own = encoder.bert.state_dict()
    encoder.bert.load_state_dict({name: weights[name] for name in own})


def _word_rows(table: Tensor, tokenizer: Any, words: Sequence[str]) -> Tensor:
    rows = [table[tokenizer.pad_token_id]]
    for word in words:
        pieces = tokenizer(word, add_special_tokens=False).input_ids or [tokenizer.unk_token_id]
        rows.append(table[pieces].mean(0))
    return torch.stack(rows)


def whole_bert(source: str) -> tuple[TextConfig, dict[str, Tensor], PieceTokens]:
    """Sizes, weights and word pieces of a BERT that is taken as it is, BioClinicalBERT in the paper."""
    from transformers import AutoModel, AutoTokenizer

    found: Any = AutoModel.from_pretrained(source, add_pooling_layer=False)
    sizes = found.config
    config = TextConfig(
        "wordpieces",
        sizes.vocab_size,
        sizes.hidden_size,
        sizes.num_hidden_layers,
        sizes.num_attention_heads,
        sizes.intermediate_size,
        sizes.max_position_embeddings,
    )
    tokenizer: Any = AutoTokenizer.from_pretrained(source)
    return config, found.state_dict(), PieceTokens(tokenizer.backend_tokenizer.to_str())
