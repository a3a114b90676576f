import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.pixels import apply_windowing

from radui.processing.errors import NoContrast
from radui.processing.grayscale import to_presentation

STORED = np.arange(4096, dtype=np.uint16).reshape(64, 64)
TWELVE_BITS = {"BitsStored": 12, "HighBit": 11}


def lookup(entries: list[int], first: int, bits: int, words: bool = True) -> Dataset:
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [len(entries), first, bits])
    if words:
        item.add_new("LUTData", "US", entries)
    else:
        item.add_new("LUTData", "OW", np.array(entries, np.uint16 if bits > 8 else np.uint8).tobytes())
    return item


@pytest.fixture
def present(dataset):
    def present(stored, **elements):
        made = dataset(stored, **elements)
        made.set_original_encoding(False, True)
        return to_presentation(stored, made)

    return present


@pytest.mark.filterwarnings("ignore:overflow")  # in pydicom's sigmoid
@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID", None])
@pytest.mark.parametrize(("center", "width"), [(2048, 4096), (1000, 500), (40.5, 1), (3000, 2.5)])
def test_windows_agree_with_pydicom(dataset, present, function, center, width):
    elements = {"WindowCenter": center, "WindowWidth": width, "VOILUTFunction": function, **TWELVE_BITS}
    if function is None:
        del elements["VOILUTFunction"]
    if width == 1 and function in ("LINEAR", None):
        expected = (center - 0.5 < STORED) * 4095.0  # pydicom divides by width - 1
    else:
        expected = apply_windowing(STORED, dataset(STORED, **elements))
    assert np.abs(present(STORED, **elements) - expected / 4095).max() < 1e-5


def test_the_window_applies_to_rescaled_values(present):
    pixels = present(STORED, RescaleSlope=2, RescaleIntercept=-1000, WindowCenter=1000, WindowWidth=2001)
    assert pixels.ravel()[[500, 1000, 1500]] == pytest.approx([0, 0.5, 1], abs=1e-3)
    assert pixels.ravel()[750] == pytest.approx(0.25, abs=1e-3)


def test_a_negative_slope_turns_the_picture(present):
    assert present(STORED, RescaleSlope=-1, RescaleIntercept=0)[0, 0] == 1


def test_of_several_windows_the_first_is_taken(present):
    several = present(STORED, WindowCenter=[1000, 3000], WindowWidth=[200, 4000])
    assert (several == present(STORED, WindowCenter=1000, WindowWidth=200)).all()


@pytest.mark.parametrize(
    ("center", "width"), [(2000, 0), (2000, -5), (None, None), (2000, None), (2000, 0.5)]
)
def test_an_impossible_window_gives_the_full_range(present, center, width):
    pixels = present(STORED, WindowCenter=center, WindowWidth=width)
    assert (pixels == present(STORED)).all()
    assert (pixels.min(), pixels.max()) == (0, 1)


def test_monochrome1_is_inverted_after_the_window(present):
    window = {"WindowCenter": 1000, "WindowWidth": 500}
    inverted = present(STORED, PhotometricInterpretation="MONOCHROME1", **window)
    assert inverted == pytest.approx(1 - present(STORED, **window))


@pytest.mark.parametrize("words", [True, False])
@pytest.mark.parametrize("bits", [8, 12])
def test_a_voi_table_comes_before_a_window(present, words, bits):
    top = 2**bits - 1
    table = lookup([0, top // 2, top], first=1000, bits=bits, words=words)
    pixels = present(STORED, VOILUTSequence=[table], WindowCenter=5, WindowWidth=10).ravel()
    assert pixels[[0, 1000, 1001, 1002, 4095]] == pytest.approx([0, 0, 0.5, 1, 1], abs=0.01)


def test_a_table_that_claims_too_many_bits_is_not_dark(present):
    table = lookup(list(range(4096)), first=0, bits=16)
    assert present(STORED, VOILUTSequence=[table]).max() == 1


def test_a_table_of_more_than_256_eight_bit_entries(present):
    table = lookup([i // 16 for i in range(4096)], first=0, bits=8, words=False)
    assert present(STORED, VOILUTSequence=[table]).ravel()[2048] == pytest.approx(128 / 255)


def test_a_modality_table_feeds_the_window(present):
    squares = lookup([i * i for i in range(200)], first=100, bits=16)
    pixels = present(STORED, ModalityLUTSequence=[squares], WindowCenter=5000, WindowWidth=10001).ravel()
    assert pixels[[0, 100, 150, 200]] == pytest.approx([0, 0, 0.25, 1], abs=1e-3)


def test_signed_tables_and_padding_written_as_unsigned(present):
    signed = STORED.astype(np.int16) - 2048
    table = lookup([0, 50, 100], first=65536 - 1000, bits=8)
    pixels = present(signed, VOILUTSequence=[table], PixelPaddingValue=65536 - 2048)
    assert pixels.ravel()[[1047, 1048, 1049, 1050]] == pytest.approx([0, 0, 50 / 127, 100 / 127])


def test_padding_is_black_and_left_out_of_the_range(present):
    stored = STORED.copy() // 8 + 1000
    stored[:20] = 60000
    plain = {"PixelPaddingValue": 60000, "PhotometricInterpretation": "MONOCHROME1"}
    for elements in (plain, plain | {"PixelPaddingValue": 59000, "PixelPaddingRangeLimit": 61000}):
        pixels = present(stored, **elements)
        assert (pixels[:20] == 0).all()
        assert (pixels[20:].min(), pixels[20:].max()) == (0, 1)


def test_eight_bit_pictures_are_left_as_they_are(present):
    stored = (STORED // 32 + 50).astype(np.uint8)
    assert present(stored) == pytest.approx(stored / 255)


def test_no_contrast_is_told_apart_before_and_after_the_window(present):
    with pytest.raises(NoContrast, match="same value"):
        present(np.full_like(STORED, 9))
    with pytest.raises(NoContrast, match="window"):
        present(STORED, WindowCenter=60000, WindowWidth=10)
    padded = np.full_like(STORED, 9)
    padded[0] = 0
    with pytest.raises(NoContrast, match="same value"):
        present(padded, PixelPaddingValue=0)
