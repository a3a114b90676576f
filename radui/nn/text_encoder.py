"""Word embeddings in their context by a BERT (AdaMatch 3.1), built by transformers."""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn


@dataclass(frozen=True)
class TextConfig:
    """Sizes of the BERT; weights come from training or a checkpoint, never from the internet.

    tokens: "words" of the checkpoint's vocab.json, or "wordpieces" of its tokenizer.json.
    """

    tokens: Literal["words", "wordpieces"] = "words"
    vocabulary: int = 761
    width: int = 384
    layers: int = 1
    heads: int = 12
    feedforward: int = 1536
    positions: int = 64
    dropout: float = 0.1


CLINICAL_BERT = TextConfig("wordpieces", 28_996, 768, 12, 12, 3072, 512)
"""BioClinicalBERT's sizes (the paper's text encoder)."""


class TextEncoder(nn.Module):
    """Ids (B, T) and mask (B, T) bool, True for words -> (B, T, width)."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.config = config
        from transformers import BertConfig, BertModel

        sizes = BertConfig(
            vocab_size=config.vocabulary,
            hidden_size=config.width,
            num_hidden_layers=config.layers,
            num_attention_heads=config.heads,
            intermediate_size=config.feedforward,
            max_position_embeddings=config.positions,
            hidden_dropout_prob=config.dropout,
            attention_probs_dropout_prob=config.dropout,
        )
        self.bert = BertModel(sizes, add_pooling_layer=False)

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        return self.bert(input_ids=tokens, attention_mask=mask.long()).last_hidden_state
