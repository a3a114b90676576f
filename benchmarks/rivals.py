"""What a user would run instead of our decoder: the same network without a cache, and transformers."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from radui.models.xpronet import Memory, XProNet


class UncachedStepper:
    """XProNet decoded as R2Gen's public code does it: the whole prefix again at each word."""

    def __init__(self, model: XProNet, memory: Memory, beams: int) -> None:
        self.model, self.memory = model, repeated(memory, beams)
        self.prefix = torch.zeros(len(self.memory.states), 0, dtype=torch.long)

    def step(self, tokens: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """See `Stepper`."""
        self.prefix = torch.cat([self.prefix, tokens[:, None]], 1)
        logits = self.model.teach(self.memory, self.prefix).logits[:, -1]
        return F.log_softmax(logits.float(), -1), {}

    def reorder(self, rows: Tensor) -> None:
        """See `Stepper`."""
        if len(rows) < len(self.prefix):
            self.memory = _select(self.memory, rows)
        self.prefix = self.prefix[rows]


def repeated(memory: Memory, beams: int) -> Memory:
    """A memory with each study as often as it has beams."""
    return _select(memory, torch.arange(len(memory.states)).repeat_interleave(beams))


def _select(memory: Memory, rows: Tensor) -> Memory:
    parts = (memory.states, memory.mask, memory.visible, memory.response, memory.weights)
    return Memory(*(None if part is None else part[rows] for part in parts))  # type: ignore[arg-type]


def pegasus(model: XProNet) -> Any:
    """transformers' Pegasus with the weights of an XProNet without prototypes: the same network.

    Pegasus is the library's pre-norm encoder-decoder with sinusoidal positions; only its decoder is used.
    """
    from transformers import PegasusConfig, PegasusForConditionalGeneration

    sizes = model.config.transformer
    config = PegasusConfig(
        vocab_size=model.config.vocabulary,
        d_model=sizes.width,
        encoder_layers=1,
        decoder_layers=sizes.decoder_layers,
        encoder_attention_heads=sizes.heads,
        decoder_attention_heads=sizes.heads,
        encoder_ffn_dim=sizes.feedforward,
        decoder_ffn_dim=sizes.feedforward,
        activation_function="relu",
        scale_embedding=True,
        max_position_embeddings=512,
        tie_word_embeddings=False,
        # Pad, begin and end are all 0 with us; a pad of its own keeps the begin mark from being masked.
        pad_token_id=model.config.vocabulary - 1,
        bos_token_id=0,
        eos_token_id=0,
        decoder_start_token_id=0,
        forced_eos_token_id=None,
    )
    rival = PegasusForConditionalGeneration(config).eval()
    _copy(model, rival)
    return rival


@torch.no_grad()
def _copy(model: XProNet, rival: Any) -> None:
    decoder = rival.model.decoder
    decoder.embed_tokens.weight.copy_(model.word_embedding.weight)
    decoder.embed_positions.weight.copy_(model.positions[:512])
    rival.lm_head.weight.copy_(model.output.weight)
    rival.final_logits_bias.copy_(model.output.bias[None])
    _assign(decoder.layer_norm, model.decoder.norm)
    for theirs, ours in zip(decoder.layers, model.decoder.layers, strict=True):
        _attention(theirs.self_attn, ours.attention)
        _attention(theirs.encoder_attn, ours.cross)
        norms = (theirs.self_attn_layer_norm, theirs.encoder_attn_layer_norm, theirs.final_layer_norm)
        for their, our in zip(norms, ours.norms, strict=True):  # type: ignore[call-overload]
            _assign(their, our)
        _assign(theirs.fc1, ours.feedforward[0])  # type: ignore[index]
        _assign(theirs.fc2, ours.feedforward[3])  # type: ignore[index]


def _attention(theirs: Any, ours: Any) -> None:
    _assign(theirs.q_proj, ours.query)
    _assign(theirs.out_proj, ours.output)
    for half, layer in enumerate((theirs.k_proj, theirs.v_proj)):
        layer.weight.copy_(ours.key_value.weight.chunk(2)[half])
        layer.bias.copy_(ours.key_value.bias.chunk(2)[half])


def _assign(theirs: nn.Module, ours: nn.Module) -> None:
    theirs.weight.copy_(ours.weight)  # type: ignore[operator]
    theirs.bias.copy_(ours.bias)  # type: ignore[operator]
