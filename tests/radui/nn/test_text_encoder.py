import torch

from radui.nn.text_encoder import CLINICAL_BERT, TextConfig, TextEncoder

TINY = TextConfig(vocabulary=20, width=16, layers=1, heads=2, feedforward=32, positions=8)


def test_padding_changes_no_word():
    torch.manual_seed(0)
    encoder = TextEncoder(TINY).eval()
    short = encoder(torch.tensor([[3, 4, 5]]), torch.ones(1, 3, dtype=torch.bool))
    mask = torch.tensor([[True, True, True, False, False]])
    long = encoder(torch.tensor([[3, 4, 5, 7, 9]]), mask)
    torch.testing.assert_close(short, long[:, :3], atol=1e-5, rtol=1e-4)


def test_words_are_read_in_their_context():
    torch.manual_seed(0)
    encoder = TextEncoder(TINY).eval()
    mask = torch.ones(1, 2, dtype=torch.bool)
    first, second = (encoder(torch.tensor([ids]), mask)[0, 1] for ids in ([3, 4], [5, 4]))
    assert not torch.allclose(first, second, atol=1e-3)


def test_the_papers_encoder_has_berts_sizes():
    with torch.device("meta"):
        encoder = TextEncoder(CLINICAL_BERT)
    assert 107e6 < sum(each.numel() for each in encoder.parameters()) < 109e6
