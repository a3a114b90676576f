"""The words of a checkpoint: vocabulary or tokenizer, checked against the model's embedding rows."""

from radui.models.registry import Checkpoint, CheckpointError
from radui.processing.tokenizer import ReportTokenizer, TokenizerError
from radui.processing.vocabulary import Vocabulary, VocabularyError


def checkpoint_vocabulary(checkpoint: Checkpoint, rows: int) -> Vocabulary:
    """The words of a checkpoint, one for each of the model's embedding rows; else CheckpointError."""
    try:
        vocabulary = Vocabulary.load(checkpoint.folder / "vocab.json")
    except (OSError, VocabularyError) as error:
        raise CheckpointError(
            f"vocab.json of the checkpoint {checkpoint.name} is missing or damaged; copy it again."
        ) from error
    if len(vocabulary) != rows:
        raise CheckpointError(
            f"vocab.json of the checkpoint {checkpoint.name} has {len(vocabulary)} words where the model "
            f"knows {rows}; copy the one that was saved with it."
        )
    return vocabulary


def checkpoint_tokenizer(checkpoint: Checkpoint, end: int, rows: int) -> ReportTokenizer:
    """The tokenizer of a checkpoint, of at most the model's embedding rows; else CheckpointError."""
    try:
        tokenizer = ReportTokenizer.load(checkpoint.folder / "tokenizer.json", end)
    except (OSError, TokenizerError) as error:
        raise CheckpointError(
            f"tokenizer.json of the checkpoint {checkpoint.name} is missing or damaged; copy it again."
        ) from error
    if len(tokenizer) > rows:
        raise CheckpointError(
            f"tokenizer.json of the checkpoint {checkpoint.name} has {len(tokenizer)} tokens where the model "
            f"knows {rows}; copy the one that was saved with it."
        )
    return tokenizer
