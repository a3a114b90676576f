import pytest
import torch

from radui.nn.text_encoder import TextConfig, TextEncoder
from train.text_start import start_from_bert, whole_bert

NAMES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "heart", "no", "eff", "##usion", "."]


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A BERT of two layers in a folder, as transformers saves it."""
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("bert")
    BertTokenizerFast(vocab={name: i for i, name in enumerate(NAMES)}).save_pretrained(folder)
    torch.manual_seed(0)
    sizes = BertConfig(
        vocab_size=len(NAMES),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=30,
    )
    BertModel(sizes).save_pretrained(folder)
    return str(folder)


def test_words_start_as_the_mean_of_their_pieces(source):
    from transformers import AutoModel

    encoder = TextEncoder(TextConfig("words", 4, 16, 1, 2, 32, 12))
    start_from_bert(encoder, source, ["heart", "effusion", "zzz"])
    bert = AutoModel.from_pretrained(source)
    table, rows = bert.embeddings.word_embeddings.weight, encoder.bert.embeddings.word_embeddings.weight
    torch.testing.assert_close(rows[1], table[5])
    torch.testing.assert_close(rows[2], (table[7] + table[8]) / 2)
    torch.testing.assert_close(rows[3], table[1])
    first = encoder.bert.encoder.layer[0].attention.self.query.weight
    torch.testing.assert_close(first, bert.encoder.layer[0].attention.self.query.weight)


def test_other_widths_are_refused(source):
    with pytest.raises(ValueError, match="other widths"):
        start_from_bert(TextEncoder(TextConfig("words", 4, 8, 1, 2, 16, 12)), source, ["heart", "no", "."])


def test_a_whole_bert_reads_as_it_did(source):
    from transformers import AutoModel

    config, weights, pieces = whole_bert(source)
    encoder = TextEncoder(config).eval()
    encoder.bert.load_state_dict(weights)
    ids = pieces.encode("No effusion.")
    assert ids == [6, 7, 8, 9]
    tokens, mask = torch.tensor([ids]), torch.ones(1, 4, dtype=torch.bool)
    expected = AutoModel.from_pretrained(source)(tokens).last_hidden_state
    torch.testing.assert_close(encoder(tokens, mask), expected, atol=1e-5, rtol=1e-4)
