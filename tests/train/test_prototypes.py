import numpy as np
import pytest

from train.prototypes import initial_prototypes, text_features

STUDIES, IMAGE, TEXT, PER_LABEL = 60, 5, 3, 4


@pytest.fixture
def features():
    random = np.random.default_rng(0)
    image, flipped, text = (random.normal(3, 2, (STUDIES, width)) for width in (IMAGE, IMAGE, TEXT))
    return image.astype(np.float32), flipped.astype(np.float32), text.astype(np.float32)


@pytest.fixture
def labels():
    """Three labels: half of the studies, one study, none."""
    labels = np.zeros((STUDIES, 3), bool)
    labels[:30, 0] = labels[7, 1] = True
    return labels


def standardised(values, reference):
    return (values - reference.mean(0)) / (reference.std(0) + 1e-6)


def test_each_label_has_as_many_rows_of_joined_features(features, labels):
    matrix = initial_prototypes(*features, labels, PER_LABEL, seed=0)
    assert matrix.shape == (3 * PER_LABEL, IMAGE + TEXT)
    assert matrix.dtype == np.float32
    assert np.isfinite(matrix).all()
    assert len(np.unique(matrix, axis=0)) == len(matrix)


def test_centres_are_means_of_the_labels_clusters(labels):
    """Four tight groups of studies: their means come out, in any order."""
    random = np.random.default_rng(0)
    groups = 10 * random.normal(size=(4, IMAGE + TEXT))
    joined = groups[np.arange(STUDIES) % 4] + 0.01 * random.normal(size=(STUDIES, IMAGE + TEXT))
    image, text = joined[:, :IMAGE], joined[:, IMAGE:]
    centres = initial_prototypes(image, image, text, labels, PER_LABEL, seed=0)[:PER_LABEL]
    both = np.concatenate([standardised(image, image), standardised(text, text)], 1)
    expected = np.stack([both[:30][np.arange(30) % 4 == group].mean(0) for group in range(4)])
    distances = np.linalg.norm(centres[:, None] - expected[None], axis=-1)
    assert sorted(distances.argmin(1)) == [0, 1, 2, 3]
    assert distances.min(1).max() < 1e-3


def test_mirrored_pictures_count_with_the_plain_ones(features, labels):
    image, flipped, text = features
    one = initial_prototypes(image, flipped, text, labels, 1, seed=0)
    members = [standardised(each, image)[:30] for each in (image, flipped)]
    np.testing.assert_allclose(one[0, :IMAGE], np.concatenate(members).mean(0), atol=1e-4)
    np.testing.assert_allclose(one[0, IMAGE:], standardised(text, text)[:30].mean(0), atol=1e-4)


def test_a_label_with_fewer_studies_than_rows_is_filled_near_them(features, labels):
    image, flipped, text = features
    rows = initial_prototypes(*features, labels, PER_LABEL, seed=0)[PER_LABEL : 2 * PER_LABEL]
    words = standardised(text, text)[7]
    members = [np.concatenate([standardised(each, image)[7], words]) for each in (image, flipped)]
    distances = np.linalg.norm(rows[:, None] - np.stack(members)[None], axis=-1).min(1)
    assert sorted(distances)[1] < 1e-4
    assert 0 < distances.max() < 0.5


def test_a_label_without_studies_starts_from_the_mean_of_all(features, labels):
    image, flipped, _ = features
    rows = initial_prototypes(*features, labels, PER_LABEL, seed=0)[2 * PER_LABEL :]
    mean = np.concatenate([standardised(np.concatenate([image, flipped]), image).mean(0), np.zeros(TEXT)])
    assert np.abs(rows - mean).max() < 0.25
    assert len(np.unique(rows, axis=0)) == PER_LABEL


def test_a_seed_decides(features, labels):
    first = initial_prototypes(*features, labels, PER_LABEL, seed=0)
    np.testing.assert_array_equal(first, initial_prototypes(*features, labels, PER_LABEL, seed=0))
    assert not np.array_equal(first, initial_prototypes(*features, labels, PER_LABEL, seed=1))


def test_text_features_are_the_first_token_of_any_bert(tmp_path):
    import torch
    from transformers import BertConfig, BertModel, BertTokenizer

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "lungs", "clear", "heart", "large", "."]
    (tmp_path / "vocab.txt").write_text("\n".join(words) + "\n")
    torch.manual_seed(0)
    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    config = BertConfig(vocab_size=len(words), max_position_embeddings=128, **sizes)
    model = BertModel(config).eval()
    model.save_pretrained(tmp_path)
    tokenizer = BertTokenizer(str(tmp_path / "vocab.txt"))
    tokenizer.save_pretrained(tmp_path)
    reports = ["lungs clear .", "heart large . lungs clear . lungs clear .", "heart"] * 30
    found = text_features(reports, str(tmp_path))
    assert found.shape == (90, 8)
    with torch.inference_mode():
        alone = model(**tokenizer("heart", return_tensors="pt")).last_hidden_state[0, 0]
    np.testing.assert_allclose(found[2], alone.numpy(), atol=1e-5)
    np.testing.assert_allclose(found[2], found[89], atol=1e-5)
    assert not np.allclose(found[0], found[1])
