"""Causal language models behind one face: a compact Llama of our own or any Hugging Face model, with LoRA.

Id 0 pads, begins and ends; where the base ends with another id, the two change places inside
(radui.processing.tokenizer does the same to the words).
"""

import functools
import hashlib
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class LanguageModelConfig:
    """Which base, and how it is adapted.

    base: name or folder of a Hugging Face causal model; "" builds the compact Llama of the sizes below.
    base_hash: of the base's weights, checked when they are read; "" takes what is there.
    end: the token with which the base ends a text. dtype: of a foreign base's weights.
    dropout: of the input while training; in the attention it would cost a CPU its fast path, three times the
    time. lora_rank: 0 leaves the base to learn whole. lora_targets: layers that get an adapter.
    """

    base: str = ""
    base_hash: str = ""
    end: int = 0
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    vocabulary: int = 1500
    width: int = 256
    layers: int = 4
    heads: int = 4
    key_value_heads: int = 2
    feedforward: int = 768
    dropout: float = 0.0
    lora_rank: int = 0
    lora_alpha: int = 16
    lora_dropout: float = 0.1
    lora_targets: tuple[str, ...] = ("q_proj", "v_proj")


class LanguageModel(nn.Module):
    """Embeddings in, logits out. With adapters the base is frozen, and a foreign base is never saved.

    ValueError where the base's weights are not those of `base_hash`, OSError where they cannot be read.
    """

    def __init__(self, config: LanguageModelConfig) -> None:
        super().__init__()
        self.config = config
        self.base: Any = _foreign(config) if config.base else _compact(config)
        if config.lora_rank:
            self._adapt()
        if config.base_hash and self.fingerprint() != config.base_hash:
            raise ValueError(f"The weights of {config.base} are not those the adapters were trained on.")
        if config.base:
            self.register_state_dict_post_hook(_leave_base_out)
            self.register_load_state_dict_pre_hook(_take_base_from_model)

    @property
    def width(self) -> int:
        """Width of the input space."""
        return int(self.base.config.hidden_size)

    def _adapt(self) -> None:
        from peft import LoraConfig, inject_adapter_in_model

        config = self.config
        self.base.requires_grad_(False)
        settings = LoraConfig(
            r=config.lora_rank,
            lora_alpha=config.lora_alpha,
            lora_dropout=config.lora_dropout,
            target_modules=list(config.lora_targets),
        )
        self.base = inject_adapter_in_model(settings, self.base)

    def load_base(self, weights: dict[str, Tensor]) -> None:
        """Fill the base with what a model without adapters saved, names as in its state_dict."""
        own = {name.replace(".base_layer", ""): name for name, _ in self._base_tensors()}
        self.load_state_dict({own[name]: tensor for name, tensor in weights.items()}, strict=False)

    def _base_tensors(self) -> Iterator[tuple[str, Tensor]]:
        tensors = self.base.state_dict(prefix="base.").items()
        return ((name, tensor) for name, tensor in tensors if ".lora_" not in name)

    def embed(self, tokens: Tensor) -> Tensor:
        """(B, T) ids -> (B, T, width) of the base's own input embedding."""
        return self.base.get_input_embeddings()(self._swap(tokens))

    def _swap(self, tokens: Tensor) -> Tensor:
        end = self.config.end
        if end == 0:
            return tokens
        return torch.where(tokens == 0, end, torch.where(tokens == end, 0, tokens))

    def forward(self, embeddings: Tensor, mask: Tensor, last: int, cache: Any = None) -> Tensor:
        """Logits (B, last, vocabulary) at the last positions.

        embeddings: (B, T, width). mask: (B, cached + T) bool; a row must begin with True, since a place
        that may read nothing has no state. Positions count the places that exist.
        """
        logits = self.base(
            inputs_embeds=self._input(embeddings),
            **_visible(self.base, mask, embeddings.shape[1], cache),
            logits_to_keep=last,
        ).logits
        if self.config.end == 0:
            return logits
        columns = self._swap(torch.arange(logits.shape[-1], device=logits.device))
        return logits[..., columns]

    def _input(self, embeddings: Tensor) -> Tensor:
        return F.dropout(embeddings.to(self.base.dtype), self.config.dropout, self.training)

    def states(self, embeddings: Tensor, mask: Tensor, cache: Any = None) -> Tensor:
        """Last states (B, T, width) of the same input, for a model with output rows of its own."""
        return self.base.get_decoder()(
            inputs_embeds=self._input(embeddings), **_visible(self.base, mask, embeddings.shape[1], cache)
        ).last_hidden_state

    def logits(self, states: Tensor) -> Tensor:
        """(..., width) last states -> (..., vocabulary) logits of the text."""
        logits = self.base.get_output_embeddings()(states)
        if self.config.end == 0:
            return logits
        return logits[..., self._swap(torch.arange(logits.shape[-1], device=logits.device))]

    def hidden(self, tokens: Tensor) -> Tensor:
        """(B, T) ids, 0 after the end -> (B, width): mean state of the base over a text's tokens."""
        mask = tokens != 0
        mask[:, 0] = True
        states = self.base.get_decoder()(
            inputs_embeds=self.embed(tokens), attention_mask=mask.long(), use_cache=False
        ).last_hidden_state
        weights = mask[..., None].to(states.dtype)
        return (states * weights).sum(1) / weights.sum(1)

    def fingerprint(self) -> str:
        """Sixteen hex digits of the base's weights, from up to 4,096 numbers of each tensor."""
        digest = hashlib.sha256()
        for name, tensor in self._base_tensors():
            name = name.replace(".base_layer", "")
            sample = tensor.detach().flatten()[:: max(1, tensor.numel() // 4096)]
            digest.update(f"{name} {tuple(tensor.shape)}".encode() + sample.float().cpu().numpy().tobytes())
        return digest.hexdigest()[:16]


class DecodingCache:
    """Keys and values of a prompt and of what was written after it; all beams share the prompt."""

    def __init__(self, model: LanguageModel, prompt: Tensor, mask: Tensor, beams: int) -> None:
        """prompt: (B, P, width); mask: (B, P) bool; each row is repeated `beams` times."""
        from transformers import DynamicCache

        self.model, self.length = model, prompt.shape[1]
        self.cache = DynamicCache()
        model(prompt, mask, 1, self.cache)
        self.cache.batch_repeat_interleave(beams)
        self.mask = mask.repeat_interleave(beams, 0)

    def step(self, tokens: Tensor) -> Tensor:
        """(N,) ids -> (N, vocabulary) log-probabilities of the next."""
        self.mask = torch.cat([self.mask, self.mask.new_ones(len(self.mask), 1)], 1)
        logits = self.model(self.model.embed(tokens[:, None]), self.mask, 1, self.cache)
        return logits[:, 0].float().log_softmax(-1)

    def reorder(self, rows: Tensor) -> None:
        """Beam i goes on from beam rows[i] of the same prompt; see `reorder_cache`."""
        reorder_cache(self.cache, rows, self.length)
        self.mask = self.mask[rows]


def reorder_cache(cache: Any, rows: Tensor, prompt: int) -> None:
    """Row i of a Hugging Face cache goes on from rows[i] of the same prompt of that length.

    Only what was written after the prompt moves, unless some rows are missing.
    """
    layers: list[Any] = cache.layers
    for layer in layers:
        if len(rows) < len(layer.keys):
            layer.keys, layer.values = layer.keys[rows], layer.values[rows]
            continue
        for states in (layer.keys, layer.values):
            written = states[:, :, prompt:]
            written.copy_(written[rows])


def _visible(base: Any, mask: Tensor, length: int, cache: Any) -> dict[str, Any]:
    """How transformers is told which places exist, for the last `length` of mask (B, cached + T).

    Rows that are padded at their end alone need no mask, since nothing reads what comes later: attention
    that is causal and no more takes half the time on a CPU. What stands at the padding means nothing.
    """
    if cache is None and not (mask[:, 1:] & ~mask[:, :-1]).any():
        return {"use_cache": False}
    positions = (mask.cumsum(1) - 1).clamp_min(0)[:, -length:]
    return {
        "attention_mask": mask.long(),
        "position_ids": positions,
        _cache_argument(base.get_decoder().__class__): cache,
        "use_cache": cache is not None,
    }


@functools.cache
def _cache_argument(decoder: Any) -> str:
    """transformers 5.24 begins to call `past_key_values` `cache`, model by model; decoder: its class."""
    return "cache" if "cache" in inspect.signature(decoder.forward).parameters else "past_key_values"


def _compact(config: LanguageModelConfig) -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM

    sizes = LlamaConfig(
        vocab_size=config.vocabulary,
        hidden_size=config.width,
        intermediate_size=config.feedforward,
        num_hidden_layers=config.layers,
        num_attention_heads=config.heads,
        num_key_value_heads=config.key_value_heads,
        max_position_embeddings=512,
        tie_word_embeddings=False,  # one tensor under two names cannot be stored as safetensors
        bos_token_id=0,
        eos_token_id=0,
        pad_token_id=None,
    )
    return LlamaForCausalLM(sizes)


def _foreign(config: LanguageModelConfig) -> Any:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(config.base, dtype=getattr(torch, config.dtype))


def _leave_base_out(module: nn.Module, state: dict[str, Any], prefix: str, _: Any) -> None:
    for name in [name for name in state if name.startswith(f"{prefix}base.") and ".lora_" not in name]:
        del state[name]


def _take_base_from_model(module: Any, state: dict[str, Any], prefix: str, *_: Any) -> None:
    for name, tensor in module._base_tensors():
        state.setdefault(prefix + name, tensor)
