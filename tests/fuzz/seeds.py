"""Small sound files of every format that is read, to be damaged: name -> bytes."""

from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pydicom
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
    RLELossless,
)

_ORIENTATION = 0x0112
_SHIPPED = Path(pydicom.__file__).parent / "data" / "test_files"
# What no encoder here writes: JPEG lossless and extended, JPEG-LS, JPEG 2000, as pydicom ships them.
_COMPRESSED = (
    "JPEG-lossy.dcm",
    "JPGExtended.dcm",
    "JPEG2000.dcm",
    "693_J2KI.dcm",
    "MR_small_jp2klossless.dcm",
    "MR_small_jpeg_ls_lossless.dcm",
    "JPEGLSNearLossless_08.dcm",
    "JPEGLSNearLossless_16.dcm",
    "SC_rgb_jls_lossy_line.dcm",
    "SC_rgb_jpeg_gdcm.dcm",
    "SC_rgb_rle_16bit.dcm",
)


def small_files() -> dict[str, bytes]:
    """All seeds; the first word of a name is its format: png, jpeg, tiff or dicom."""
    y, x = np.mgrid[:40, :36]
    grey = ((x * y) % 251).astype(np.uint8)
    return _png(grey) | _jpeg(grey) | _tiff(grey) | _dicom(grey) | _shipped_dicom()


def _png(grey: np.ndarray) -> dict[str, bytes]:
    deep, image, exif = grey.astype(np.uint16) * 16, Image.fromarray(grey), _turned()
    colours = np.dstack([deep] * 4)
    return {
        "png grey": _encoded(image, "PNG"),
        "png 16 bit": _encoded(Image.fromarray(deep), "PNG"),
        "png 16-bit colour": cv2.imencode(".png", colours)[1].tobytes(),
        "png palette, transparent": _encoded(image.convert("P"), "PNG", transparency=3),
        "png one bit": _encoded(image.convert("1"), "PNG"),
        "png colour, EXIF": _encoded(image.convert("RGBA"), "PNG", exif=exif),
        "png animated": _encoded(image, "PNG", save_all=True, append_images=[image.rotate(90)]),
    }


def _jpeg(grey: np.ndarray) -> dict[str, bytes]:
    image, colour = Image.fromarray(grey), Image.fromarray(grey).convert("RGB")
    return {
        "jpeg grey": _encoded(image, "JPEG"),
        "jpeg progressive": _encoded(colour, "JPEG", progressive=True),
        "jpeg CMYK": _encoded(image.convert("CMYK"), "JPEG"),
        "jpeg EXIF, restarts": _encoded(colour, "JPEG", exif=_turned(), restart_marker_blocks=3),
        "jpeg two pictures": _encoded(colour, "MPO", save_all=True, append_images=[colour.rotate(90)]),
    }


def _tiff(grey: np.ndarray) -> dict[str, bytes]:
    deep, image = grey.astype(np.uint16) * 16, Image.fromarray(grey)
    compressed = {
        f"tiff {kind}": _encoded(image, "TIFF", compression=kind)
        for kind in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg")
    }
    return compressed | {
        "tiff raw": _encoded(image, "TIFF", tiffinfo={_ORIENTATION: 6}),
        "tiff 16 bit": _encoded(Image.fromarray(deep), "TIFF", compression="tiff_lzw"),
        "tiff 16-bit colour": cv2.imencode(".tif", np.dstack([deep] * 3))[1].tobytes(),
        "tiff float": _encoded(Image.fromarray(grey.astype(np.float32)), "TIFF"),
        "tiff one bit": _encoded(image.convert("1"), "TIFF", compression="group4"),
        "tiff CMYK": _encoded(image.convert("CMYK"), "TIFF"),
        "tiff big": _encoded(image, "TIFF", big_tiff=True),
        "tiff two pages": _encoded(image, "TIFF", save_all=True, append_images=[image]),
    }


def _dicom(grey: np.ndarray) -> dict[str, bytes]:
    deep = grey.astype(np.uint16) * 16
    window = {"WindowCenter": [2000, 5], "WindowWidth": [3000, 9], "RescaleSlope": 2, "RescaleIntercept": -9}
    packed = radiograph(deep, PixelPaddingValue=0)
    packed.compress(RLELossless)
    lut = Dataset()
    lut.LUTDescriptor, lut.LUTData = [4096, 0, 12], np.arange(4096, dtype="<u2").tobytes()
    baseline = radiograph(grey, PixelData=encapsulate([_encoded(Image.fromarray(grey), "JPEG")]))
    baseline["PixelData"].is_undefined_length = True
    baseline.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    return {
        "dicom explicit, window": written(radiograph(deep, PatientName="Zebra^Quagga", **window)),
        "dicom implicit": written(radiograph(deep), ImplicitVRLittleEndian),
        "dicom deflated": written(radiograph(deep), DeflatedExplicitVRLittleEndian),
        "dicom run lengths": written(packed),
        "dicom lookup table": written(radiograph(deep, VOILUTSequence=[lut])),
        "dicom baseline JPEG": written(baseline),
    }


def _shipped_dicom() -> dict[str, bytes]:
    found = {}
    for name in _COMPRESSED:
        dataset = pydicom.dcmread(_SHIPPED / name)
        dataset.Modality = "CR"
        found[f"dicom {name.removesuffix('.dcm')}"] = written(dataset)
    return found


def radiograph(stored: np.ndarray, **elements: object) -> Dataset:
    """An uncompressed grey radiograph of stored values (height, width)."""
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.SOPClassUID, made.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.1.1", "1.2.826.0.1.3680043.8.498.1"
    made.Modality, made.ViewPosition = "DX", "PA"
    made.Rows, made.Columns = stored.shape
    made.SamplesPerPixel, made.PhotometricInterpretation, made.PixelRepresentation = 1, "MONOCHROME2", 0
    made.BitsAllocated = made.BitsStored = 8 * stored.dtype.itemsize
    made.HighBit = made.BitsStored - 1
    made.PixelData = stored.tobytes()
    made["PixelData"].VR = "OW" if stored.dtype.itemsize > 1 else "OB"
    for keyword, value in elements.items():
        setattr(made, keyword, value)
    return made


def written(dataset: Dataset, syntax: UID | None = None) -> bytes:
    """The bytes of a DICOM file, in another uncompressed syntax where one is named."""
    file = BytesIO()
    if syntax is not None:
        dataset.file_meta.TransferSyntaxUID = syntax
    dataset.save_as(file)
    return file.getvalue()


def _encoded(image: Image.Image, form: str, **options: object) -> bytes:
    file = BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def _turned() -> Image.Exif:
    exif = Image.Exif()
    exif[_ORIENTATION] = 6
    return exif
