import pickle
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from pydicom.dataset import Dataset
from pydicom.uid import RLELossless

from radui.processing import images
from radui.processing.images import ImageError, read_radiograph, read_study

PYDICOM_FILES = sorted(
    path for path in (Path(pydicom.__file__).parent / "data" / "test_files").rglob("*") if path.is_file()
)


def check(radiograph: images.Radiograph) -> None:
    pixels, display = radiograph.pixels, radiograph.display
    assert (pixels.dtype, display.dtype) == (np.float32, np.uint8)
    assert pixels.shape == display.shape == radiograph.size[::-1]
    assert np.isfinite(pixels).all()
    assert 0 <= pixels.min() < pixels.max() <= 1
    assert np.abs(display / 255 - pixels).max() <= 0.502 / 255


@pytest.mark.parametrize("form", ["PNG", "TIFF", "JPEG"])
def test_eight_bit_files_show_what_they_store(encode, picture, form):
    radiograph = read_radiograph(encode(picture, form))
    check(radiograph)
    assert radiograph.size == (80, 96)
    assert radiograph.view is None
    if form != "JPEG":
        assert (radiograph.display == picture).all()


def test_twelve_bits_in_a_sixteen_bit_png_are_visible_and_whole(encode):
    ramp = np.arange(4096, dtype=np.uint16).reshape(64, 64)
    radiograph = read_radiograph(encode(ramp, "PNG"))
    check(radiograph)
    assert len(np.unique(radiograph.pixels)) == 4096
    assert (radiograph.display.min(), radiograph.display.max()) == (0, 255)


def test_dicom_has_its_view(dicom_bytes, picture):
    radiograph = read_radiograph(dicom_bytes(picture, ViewPosition="LL", WindowCenter=100, WindowWidth=150))
    check(radiograph)
    assert radiograph.view == "lateral"


@pytest.mark.parametrize(
    ("data", "error", "words"),
    [
        (b"", images.EmptyFile, "empty"),
        (b"a report, not a picture", images.NotAnImage, "text"),
        (np.random.default_rng(0).bytes(10_000), images.NotAnImage, "not a known"),
        (b"\x89PNG\r\n\x1a\n", images.TruncatedFile, "header"),
        (b"\xff\xd8\xff\xe0", images.TruncatedFile, "header"),
        (bytes(128) + b"DICM", images.ImageError, "DICOM"),
    ],
)
def test_refusals_are_typed_sentences(data, error, words):
    with pytest.raises(error, match=words) as refusal:
        read_radiograph(data)
    assert str(refusal.value).endswith(".")
    assert ";" in str(refusal.value)  # what is wrong; what to do


def test_too_many_bytes_are_refused_before_anything_is_read(monkeypatch, encode, picture):
    data = encode(picture, "PNG")
    monkeypatch.setattr("radui.processing.limits.MAX_BYTES", len(data) - 1)
    with pytest.raises(images.TooLarge, match="MiB"):
        read_radiograph(data)
    with pytest.raises(images.TooLarge):
        read_radiograph(b"x" * len(data))


@pytest.mark.parametrize("form", ["PNG", "TIFF", "JPEG"])
def test_constant_pictures_are_refused(encode, form):
    with pytest.raises(images.NoContrast):
        read_radiograph(encode(np.full((64, 64), 77, np.uint8), form))


def test_a_window_that_leaves_less_than_a_grey_level_is_refused(dicom_bytes, picture):
    with pytest.raises(images.NoContrast):
        read_radiograph(
            dicom_bytes(picture, WindowCenter=100, WindowWidth=1e6, VOILUTFunction="LINEAR_EXACT")
        )


def test_a_study_has_one_or_two_views(encode, dicom_bytes, picture):
    frontal, lateral = encode(picture, "PNG"), dicom_bytes(picture, ViewPosition="LATERAL")
    study = read_study([frontal, lateral], "Cough.")
    assert [radiograph.view for radiograph in study.views] == [None, "lateral"]
    assert study.indication == "Cough."
    assert len(read_study((frontal,)).views) == 1
    for files in ([], [frontal] * 3):
        with pytest.raises(images.WrongViewCount, match="frontal and a lateral"):
            read_study(files)


def test_a_refused_study_says_which_picture(encode, picture):
    with pytest.raises(images.EmptyFile, match=r"Picture 2: The file is empty"):
        read_study([encode(picture, "PNG"), b""])


def identity(dataset: Dataset) -> None:
    """Fill a data set with values that must not be found again."""
    dataset.PatientName = "Zebra^Quagga"
    dataset.PatientID = "MRN-8842193"
    dataset.PatientBirthDate = "19470512"
    dataset.PatientAddress = "Savannah Road 17"
    dataset.PatientComments = "walks with a limp"
    dataset.InstitutionName = "Okapi Hospital"
    dataset.ReferringPhysicianName = "Gnu^Doctor"
    dataset.AccessionNumber = "ACC5531907"
    dataset.StudyDate, dataset.StudyTime = "20190317", "143355"
    dataset.StudyInstanceUID = "1.2.826.0.1.3680043.8.498.777001"
    dataset.StudyDescription = "Thorax upright"
    dataset.ImageComments = "compared with 2018"
    dataset.BodyPartExamined = "CHEST"
    dataset.ViewPosition = "PA"
    dataset.private_block(0x0099, "Okapi private", create=True).add_new(1, "LO", "secret-token-4711")
    item = Dataset()
    item.PatientID = "OTHER-99-31"
    dataset.OtherPatientIDsSequence = [item]
    dataset.file_meta.SourceApplicationEntityTitle = "OKAPI_AE"
    dataset.preamble = b"preamble with a name".ljust(128, b"\x00")


def test_nothing_of_the_dicom_header_but_the_view_is_kept(dataset, dicom_bytes, picture):
    made = dataset(picture.astype(np.uint16))
    identity(made)
    data = dicom_bytes(made)
    kept = pickle.dumps(read_radiograph(data)).lower()
    written = pydicom.dcmread(BytesIO(data))
    values = {str(element.value) for part in (written, written.file_meta) for element in part.iterall()}
    values |= {"Zebra", "Quagga", "preamble with a name", "secret-token-4711", "OTHER-99-31"}
    names = {value for value in values if 4 <= len(value) < 100}
    assert {"MRN-8842193", "Okapi Hospital", "OKAPI_AE", "Zebra^Quagga"} <= names
    for name in names:
        assert name.lower().encode() not in kept, name
    assert b"frontal" in kept


def test_text_chunks_and_exif_are_dropped(encode, picture):
    note = PngInfo()
    note.add_text("Author", "Zebra Quagga")
    exif = Image.Exif()
    exif[0x013B] = "Zebra Quagga"
    for data in (encode(picture, "PNG", pnginfo=note, exif=exif), encode(picture, "JPEG", exif=exif)):
        assert b"Quagga" in data
        assert b"Quagga" not in pickle.dumps(read_radiograph(data))


def refusal_of(data: bytes) -> str | None:
    """Read a file: None when it gives a sound radiograph, else the sentence that refuses it."""
    try:
        check(read_radiograph(data))
    except ImageError as refusal:
        return str(refusal)
    return None


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", PYDICOM_FILES, ids=lambda path: path.name)
def test_every_file_that_pydicom_ships_is_read_or_refused(path):
    sentence = refusal_of(path.read_bytes())
    assert sentence is None or sentence.endswith(".")


@pytest.mark.filterwarnings("ignore")
def test_every_shipped_picture_is_read_once_it_claims_to_be_a_radiograph():
    claimed = dict(filter(None, map(claim_to_be_a_radiograph, PYDICOM_FILES)))
    refused = {name: refusal_of(data) for name, data in claimed.items()}
    assert len(refused) >= 25
    assert {name: sentence for name, sentence in refused.items() if sentence} == {}


def claim_to_be_a_radiograph(path: Path) -> tuple[str, bytes] | None:
    """The file as a CR image, where pydicom can decode its single frame here and write it again."""
    file = BytesIO()
    try:
        dataset = pydicom.dcmread(path)
        if (
            dataset.pixel_array.ndim != 2 + (dataset.SamplesPerPixel > 1)
            or min(dataset.Rows, dataset.Columns) < 32
        ):
            return None
        if np.ptp(dataset.pixel_array) == 0:
            return None
        dataset.Modality = "CR"
        dataset.save_as(file)
    except Exception:
        return None
    return path.name, file.getvalue()


@pytest.fixture
def small_files(encode, dataset, dicom_bytes):
    y, x = np.mgrid[:40, :36]
    values = ((x * y) % 251).astype(np.uint8)
    deep = values.astype(np.uint16) * 16
    packed = dataset(deep)
    packed.compress(RLELossless)
    return [
        encode(values, "PNG"),
        encode(deep, "PNG"),
        encode(values, "JPEG"),
        encode(Image.fromarray(values).convert("RGB"), "JPEG", progressive=True),
        encode(values, "TIFF"),
        encode(deep, "TIFF", compression="tiff_lzw"),
        encode(Image.fromarray(values).convert("P"), "TIFF", compression="packbits"),
        dicom_bytes(deep, WindowCenter=[2000, 5], WindowWidth=[3000, 9], PixelPaddingValue=0, RescaleSlope=2),
        dicom_bytes(packed),
    ]


@pytest.mark.filterwarnings("ignore")
@settings(
    max_examples=600,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    number=st.integers(0, 8),
    cut=st.none() | st.floats(0, 1),
    flips=st.lists(
        st.tuples(st.floats(0, 1, exclude_max=True), st.booleans(), st.integers(0, 255)), max_size=8
    ),
)
def test_damage_gives_a_picture_or_an_image_error(small_files, number, cut, flips):
    data = bytearray(small_files[number])
    for share, in_header, value in flips:
        data[int(share * (min(len(data), 500) if in_header else len(data)))] = value
    if cut is not None:
        data = data[: int(cut * len(data))]
    sentence = refusal_of(bytes(data))
    assert sentence is None or sentence.endswith(".")
