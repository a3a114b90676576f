from io import BytesIO

import numpy as np
import pytest
from pydicom import dcmwrite
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian

from radui.processing.errors import NotAnImage
from radui.processing.sniff import sniff


@pytest.mark.parametrize(("form", "kind"), [("PNG", "png"), ("JPEG", "jpeg"), ("TIFF", "tiff")])
def test_formats_are_told_from_their_first_bytes(encode, picture, form, kind):
    assert sniff(encode(picture, form)) == kind


def test_big_tiff_is_tiff(encode, picture):
    assert sniff(encode(picture, "TIFF", big_tiff=True)) == "tiff"


def test_dicom_whose_preamble_holds_a_tiff_header_is_dicom(dataset, dicom_bytes, picture):
    two_faced = dataset(picture)
    two_faced.preamble = b"II*\x00" + bytes(124)
    data = dicom_bytes(two_faced)
    assert data.startswith(b"II*\x00")
    assert sniff(data) == "dicom"


@pytest.mark.parametrize(
    ("implicit", "little", "syntax"),
    [(True, True, ImplicitVRLittleEndian), (False, True, None), (False, False, ExplicitVRBigEndian)],
)
def test_dicom_without_preamble_is_told_from_its_first_element(dataset, picture, implicit, little, syntax):
    bare = dataset(picture.astype(np.uint16))
    del bare.file_meta
    file = BytesIO()
    dcmwrite(file, bare, implicit_vr=implicit, little_endian=little)
    assert sniff(file.getvalue()) == "dicom"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"%PDF-1.7\n" + bytes(200), "PDF"),
        (b"PK\x03\x04" + bytes(200), "ZIP"),
        (b"GIF89a" + bytes(200), "GIF"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 " + bytes(200), "WebP"),
        (b"Die Lunge ist frei.\n" * 300, "text"),
        (b"x", "text"),
        (np.random.default_rng(0).bytes(5000), "not a known kind"),
        (bytes(300), "not a known kind"),
    ],
)
def test_other_files_are_refused_by_name(data, words):
    with pytest.raises(NotAnImage, match=words):
        sniff(data)
