import zlib
from io import BytesIO
from types import SimpleNamespace

import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate, get_frame
from pydicom.pixels import get_decoder
from pydicom.uid import (
    MPEG2MPML,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    RLELossless,
)

from radui.processing import dicom_encoding
from radui.processing.dicom import read_dicom, view_of
from radui.processing.errors import (
    DamagedFile,
    ImageError,
    MultiFrame,
    NotAnImage,
    TooLarge,
    TooSmall,
    TruncatedFile,
    UnsupportedSyntax,
    WrongModality,
)

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # pydicom's, about the files made wrong here


@pytest.fixture
def deep(picture):
    """12-bit values in 16 bits, as most detectors store them."""
    return picture.astype(np.uint16) * 16


def encapsulated(dataset, stored, syntax, frame: bytes, **elements):
    made = dataset(stored, PixelData=encapsulate([frame]), **elements)
    made["PixelData"].is_undefined_length = True
    made.file_meta.TransferSyntaxUID = syntax
    return made


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.uint32])
def test_grey_of_any_depth_is_read_over_its_range(dicom_bytes, picture, dtype):
    pixels, view = read_dicom(dicom_bytes(picture.astype(dtype)))
    low, high = (0, 255) if dtype == np.uint8 else (0, picture.max())
    assert pixels.dtype == np.float32
    assert pixels == pytest.approx((picture - low) / (high - low), abs=1e-6)
    assert view is None


def test_overlay_bits_above_the_stored_ones_are_dropped(dicom_bytes, deep):
    marked = deep | (np.uint16(1) << 15)
    elements = {"BitsStored": 12, "HighBit": 11}
    plain, _ = read_dicom(dicom_bytes(deep, **elements))
    assert (read_dicom(dicom_bytes(marked, **elements))[0] == plain).all()


@pytest.mark.parametrize("planar", [0, 1])
def test_colours_become_grey_in_either_plane_order(dicom_bytes, picture, planar):
    colours = np.dstack([picture, picture // 2, picture // 3])
    stored = np.ascontiguousarray(np.moveaxis(colours, 2, 0) if planar else colours)
    data = dicom_bytes(colours, PlanarConfiguration=planar, PixelData=stored.tobytes())
    expected = colours @ np.array([0.299, 0.587, 0.114]) / 255
    assert np.abs(read_dicom(data)[0] - expected).max() < 1 / 255


def test_palettes_become_grey(dicom_bytes, picture):
    palette = {}
    for colour in ("Red", "Green", "Blue"):
        palette[f"{colour}PaletteColorLookupTableDescriptor"] = [256, 0, 16]
        ramp = np.arange(256, dtype=np.uint16)[::-1] * 257
        palette[f"{colour}PaletteColorLookupTableData"] = ramp.tobytes()
    data = dicom_bytes(picture, PhotometricInterpretation="PALETTE COLOR", **palette)
    pixels = read_dicom(data)[0]
    assert np.corrcoef(pixels.ravel(), picture.ravel())[0, 1] == pytest.approx(-1)


@pytest.mark.parametrize(
    "syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]
)
def test_uncompressed_syntaxes_agree(dataset, dicom_bytes, deep, syntax):
    expected = read_dicom(dicom_bytes(deep))[0]
    stored = deep.astype(">u2") if syntax == ExplicitVRBigEndian else deep
    made = dataset(deep, PixelData=stored.tobytes())
    made.file_meta.TransferSyntaxUID = syntax
    assert (read_dicom(dicom_bytes(made))[0] == expected).all()


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless])
def test_lossless_compressed_syntaxes_agree(dataset, dicom_bytes, deep, syntax):
    if syntax == JPEG2000Lossless:
        pytest.importorskip("openjpeg", reason="no encoder for JPEG 2000 is installed")
    made = dataset(deep)
    made.compress(syntax)
    assert (read_dicom(dicom_bytes(made))[0] == read_dicom(dicom_bytes(deep))[0]).all()


def test_baseline_jpeg_is_decoded(dataset, dicom_bytes, encode, picture):
    made = encapsulated(dataset, picture, JPEGBaseline8Bit, encode(picture, "JPEG", quality=98))
    assert np.abs(read_dicom(dicom_bytes(made))[0] * 255 - picture).mean() < 2


def test_a_syntax_without_a_decoder_is_named(dataset, dicom_bytes, deep, monkeypatch):
    film = dicom_bytes(encapsulated(dataset, deep, MPEG2MPML, b"\x00\x00\x01\xb3"))
    with pytest.raises(UnsupportedSyntax, match="MPEG2"):
        read_dicom(film)
    with pytest.raises(UnsupportedSyntax, match=r"1\.2\.840\.99999"):
        read_dicom(film.replace(MPEG2MPML.encode(), b"1.2.840.99999.1.2.4.100"))
    multi_component = UID("1.2.840.10008.1.2.4.92")  # JPEG 2000 Part 2: pydicom names it, no more
    with pytest.raises(UnsupportedSyntax, match="Multi-component"):
        read_dicom(dicom_bytes(encapsulated(dataset, deep, multi_component, b"\xff\x4f")))
    monkeypatch.setattr(dicom_encoding, "get_decoder", lambda _uid: SimpleNamespace(is_available=False))
    with pytest.raises(UnsupportedSyntax, match="JPEG Lossless"):
        read_dicom(dicom_bytes(encapsulated(dataset, deep, JPEGLosslessSV1, b"\xff\xd8\xff\xc3")))


def test_pydicom_knows_a_decoder_of_each_compression_that_is_read():
    assert all(syntax == get_decoder(syntax).UID for syntax in dicom_encoding._COMPRESSED)


def test_a_decoder_that_fails_is_named_too(dataset, dicom_bytes, encode, picture):
    jpeg = encode(picture, "JPEG")
    broken = jpeg[:180].replace(b"\xff\xdb", b"\xff\xfe") + jpeg[180:]  # no quantisation table
    with pytest.raises(UnsupportedSyntax, match="JPEG Baseline"):
        read_dicom(dicom_bytes(encapsulated(dataset, picture, JPEGBaseline8Bit, broken)))


@pytest.mark.parametrize(
    ("position", "view"),
    [
        ("PA", "frontal"),
        ("ap", "frontal"),
        ("AP SUPINE", "frontal"),
        ("LLD", "frontal"),
        ("LL", "lateral"),
        ("RL", "lateral"),
        ("LATERAL", "lateral"),
        ("Left Lateral", "lateral"),
        ("RLO", None),
        ("", None),
        (None, None),
    ],
)
def test_views(dicom_bytes, picture, position, view):
    assert view_of(position) == view
    assert read_dicom(dicom_bytes(picture, ViewPosition=position))[1] == view


@pytest.mark.parametrize("modality", ["CR", "DX", "RG", "OT", "SC", "XC", "", "dx "])
def test_radiographs_and_scanned_films_are_read(dicom_bytes, picture, modality):
    assert read_dicom(dicom_bytes(picture, Modality=modality))[0].shape == picture.shape


@pytest.mark.parametrize("modality", ["CT", "MR", "PT", "US", "MG", "NM", "XA", "RF", "IO", "SEG", "RTDOSE"])
def test_other_modalities_are_refused(dicom_bytes, picture, modality):
    with pytest.raises(WrongModality, match="chest radiograph"):
        read_dicom(dicom_bytes(picture, Modality=modality))


def test_several_frames_are_refused(dicom_bytes, picture):
    twice = picture.tobytes() * 2
    with pytest.raises(MultiFrame):
        read_dicom(dicom_bytes(picture, NumberOfFrames=2, PixelData=twice))
    assert read_dicom(dicom_bytes(picture, NumberOfFrames=1))[0].shape == picture.shape


def test_objects_without_pixel_data_are_refused(dataset, dicom_bytes, picture):
    made = dataset(picture)
    del made.PixelData
    with pytest.raises(NotAnImage, match="no picture"):
        read_dicom(dicom_bytes(made))


@pytest.mark.parametrize("missing", [1, 100, 7000])
def test_cut_pixel_data_is_refused(dicom_bytes, picture, missing):
    with pytest.raises(TruncatedFile):
        read_dicom(dicom_bytes(picture)[:-missing])


@pytest.mark.parametrize("syntax", [RLELossless, DeflatedExplicitVRLittleEndian])
@pytest.mark.parametrize("missing", [8, 12, 200])
def test_cut_compressed_data_is_refused(dataset, dicom_bytes, deep, syntax, missing):
    made = dataset(deep)
    if syntax == RLELossless:
        made.compress(syntax)
    else:
        made.file_meta.TransferSyntaxUID = syntax
    with pytest.raises(TruncatedFile):
        read_dicom(dicom_bytes(made)[:-missing])


@pytest.mark.parametrize(("rows", "error"), [(65_535, TooLarge), (31, TooSmall)])
def test_sizes_are_refused_by_the_header(dicom_bytes, picture, rows, error):
    with pytest.raises(error):
        read_dicom(dicom_bytes(picture, Rows=rows, Columns=65_535 if rows > 100 else 80))


def test_a_compressed_picture_larger_than_its_header_is_refused(dataset, dicom_bytes, encode, picture):
    jpeg = encode(np.zeros((3000, 3000), np.uint8), "JPEG")
    with pytest.raises(DamagedFile, match="disagree"):
        read_dicom(dicom_bytes(encapsulated(dataset, picture, JPEGBaseline8Bit, jpeg)))
    pytest.importorskip("openjpeg", reason="no encoder for JPEG 2000 is installed")
    made = dataset(np.tile(picture, (2, 2)))
    made.compress(JPEG2000Lossless)
    frame = get_frame(made.PixelData, 0, number_of_frames=1)
    with pytest.raises(DamagedFile, match="disagree"):
        read_dicom(dicom_bytes(encapsulated(dataset, picture, JPEG2000Lossless, frame)))


def test_a_run_length_bomb_is_refused(dataset, dicom_bytes, picture):
    header = np.array([1, 64] + [0] * 14, "<u4").tobytes()
    bomb = header + b"\x81\x00" * 100_000
    with pytest.raises(DamagedFile, match="larger than its header"):
        read_dicom(dicom_bytes(encapsulated(dataset, picture, RLELossless, bomb)))


def test_a_deflated_bomb_is_refused(dataset, dicom_bytes, picture):
    made = dataset(picture)
    made.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    data = dicom_bytes(made)
    start = data.index(DeflatedExplicitVRLittleEndian.encode())
    meta_length = 128 + 4 + 12 + pydicom.dcmread(BytesIO(data)).file_meta.FileMetaInformationGroupLength
    deflater = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    bomb = deflater.compress(bytes(65 * 2**20)) + deflater.flush()
    assert start < meta_length
    with pytest.raises(TooLarge, match="unpacks"):
        read_dicom(data[:meta_length] + bomb)


@pytest.mark.parametrize("implicit", [True, False])
def test_a_bare_data_set_is_read(dataset, dicom_bytes, deep, implicit):
    bare = dataset(deep)
    del bare.file_meta
    file = BytesIO()
    pydicom.dcmwrite(file, bare, implicit_vr=implicit, little_endian=True)
    assert (read_dicom(file.getvalue())[0] == read_dicom(dicom_bytes(deep))[0]).all()


def test_a_refusal_quotes_no_identity(dicom_bytes, picture):
    with pytest.raises(ImageError) as refusal:
        read_dicom(dicom_bytes(picture, Modality="QUAGGA", PatientName="Zebra^Quagga"))
    assert "quagga" not in str(refusal.value).lower()
