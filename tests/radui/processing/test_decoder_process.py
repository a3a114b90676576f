"""Native decoders in a child process: what they decode, and what a file can do to them."""

import time
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest

from radui.processing import decoder_process, dicom_encoding
from radui.processing.decoder_process import DecoderError, DecoderProcess
from radui.processing.images import UnsupportedSyntax, read_radiograph
from tests.fuzz.seeds import small_files

pytestmark = pytest.mark.filterwarnings("ignore")
SHIPPED = Path(pydicom.__file__).parent / "data" / "test_files"


@pytest.fixture(scope="module")
def files():
    return small_files()


@pytest.fixture(scope="module")
def decoder():
    decoder = DecoderProcess()
    yield decoder
    decoder._child.kill()
    decoder._child.communicate()


@pytest.fixture
def deadly(files):
    """A JPEG in DICOM whose sample precision of 8 bits became 40: GDCM 3.2.6 crashes over it."""
    data = files["dicom baseline JPEG"]
    place = data.index(b"\xff\xc0") + 4
    assert data[place] == 8
    return data[:place] + b"\x28" + data[place + 1 :]


@pytest.mark.parametrize("name", ["MR_small_jp2klossless.dcm", "MR_small_jpeg_ls_lossless.dcm"])
def test_lossless_files_hold_what_their_uncompressed_original_holds(decoder, name):
    expected = pydicom.dcmread(SHIPPED / "MR_small.dcm").pixel_array
    assert (decoder.decode((SHIPPED / name).read_bytes()) == expected).all()


def test_one_child_serves_file_after_file(decoder, files):
    first = decoder.decode(files["dicom baseline JPEG"])
    child = decoder._child.pid
    assert first.shape == (40, 36)
    assert (decoder.decode(files["dicom baseline JPEG"]) == first).all()
    assert decoder._child.pid == child


def test_a_file_that_kills_the_child_is_refused_and_the_next_one_read(decoder, files, deadly):
    before = decoder.decode(files["dicom baseline JPEG"])
    with pytest.raises(DecoderError):
        decoder.decode(deadly)
    assert (decoder.decode(files["dicom baseline JPEG"]) == before).all()


def test_a_deadly_file_is_refused_in_a_sentence(deadly):
    with pytest.raises(UnsupportedSyntax, match=r"JPEG Baseline .* are damaged"):
        read_radiograph(deadly)


def test_a_decoder_that_does_not_end_is_ended(decoder, files, monkeypatch):
    decoder.decode(files["dicom baseline JPEG"])
    monkeypatch.setattr(decoder_process, "LIMIT_SECONDS", 0.2)
    monkeypatch.setattr(decoder_process, "_send", lambda *_: time.sleep(0.1))
    with pytest.raises(DecoderError):
        decoder.decode(b"never sent")
    assert decoder._child.poll() is not None


def test_what_cannot_be_decoded_leaves_the_child_alive(decoder):
    for data in (b"", b"text", bytes(500)):
        with pytest.raises(DecoderError):
            decoder.decode(data)
    assert decoder._child.poll() is None


def test_what_pydicom_decodes_itself_needs_no_child(files, monkeypatch):
    monkeypatch.setattr(dicom_encoding, "_DECODER", None)
    for name in ("dicom explicit, window", "dicom deflated", "dicom run lengths"):
        assert read_radiograph(files[name]).pixels.shape == (40, 36)


def test_an_answer_is_an_array_or_nothing(files):
    answer = decoder_process._answer(files["dicom baseline JPEG"])
    assert np.load(BytesIO(answer)).shape == (40, 36)
    assert decoder_process._answer(b"text") == b""
