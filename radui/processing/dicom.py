"""DICOM to pixels in [0, 1] and the view; nothing else of the header is read, let alone kept.

Beside the file meta information only the elements in `_ELEMENTS` are taken from the file, so that no
name, date, number or private element is ever parsed. Non-square pixels (PixelSpacing, PixelAspectRatio)
are not resampled: boxes and maps stay in stored pixels. Overlay planes are not drawn; text that is burnt
into the picture stays visible.
"""

from io import BytesIO

import pydicom
from pydicom.dataset import FileDataset
from pydicom.pixels import apply_color_lut

from radui.processing.dicom_encoding import CUT_OFF, check_encoding, check_inflated_size, decode_pixels
from radui.processing.errors import DamagedFile, MultiFrame, NotAnImage, TruncatedFile, WrongModality
from radui.processing.grayscale import is_monochrome, to_presentation
from radui.processing.limits import check_size
from radui.processing.tone import luminance, to_unit
from radui.records import FloatArray, View

# Radiographs, and what scanned films and photographs of films come as; the gate looks at those.
_MODALITIES = frozenset({"CR", "DX", "RG", "OT", "SC", "XC"})
_MODALITY_NAMES = {
    "CT": "computed tomography",
    "MR": "magnetic resonance",
    "US": "ultrasound",
    "MG": "mammography",
    "NM": "nuclear medicine",
    "PT": "positron emission tomography",
    "XA": "angiography",
    "RF": "fluoroscopy",
    "SR": "a structured report",
}
_FRONTAL = ("PA", "AP", "LLD", "RLD")  # a decubitus picture is taken from the front
_LATERAL = ("LL", "RL", "LAT", "LATERAL", "LEFT LATERAL", "RIGHT LATERAL")

_ELEMENTS: list[str] = [
    "Modality",
    "ViewPosition",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "PlanarConfiguration",
    "NumberOfFrames",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "PixelPaddingValue",
    "PixelPaddingRangeLimit",
    "RescaleSlope",
    "RescaleIntercept",
    "ModalityLUTSequence",
    "WindowCenter",
    "WindowWidth",
    "VOILUTFunction",
    "VOILUTSequence",
    "RedPaletteColorLookupTableDescriptor",
    "GreenPaletteColorLookupTableDescriptor",
    "BluePaletteColorLookupTableDescriptor",
    "RedPaletteColorLookupTableData",
    "GreenPaletteColorLookupTableData",
    "BluePaletteColorLookupTableData",
    "ExtendedOffsetTable",
    "ExtendedOffsetTableLengths",
    "FloatPixelData",
    "DoubleFloatPixelData",
    "PixelData",
]
_PIXEL_ELEMENTS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_PIXEL_TAG = b"\xe0\x7f\x10\x00"


def read_dicom(data: bytes) -> tuple[FloatArray, View | None]:
    """Decode a single-frame radiograph: pixels (height, width) float32 in [0, 1], bright bone, and view."""
    check_inflated_size(data)
    dataset = pydicom.dcmread(BytesIO(data), force=True, specific_tags=_ELEMENTS)
    _check_object(dataset, data)
    check_size(int(dataset.Columns), int(dataset.Rows))
    check_encoding(dataset)
    return _decode(dataset, data), view_of(dataset.get("ViewPosition"))


def view_of(position: str | None) -> View | None:
    """Name the view from ViewPosition (0018,5101); obliques, other words and silence give None."""
    words = str(position or "").upper().strip()
    if words in _LATERAL:
        return "lateral"
    return "frontal" if words.split(" ")[0] in _FRONTAL else None


def _check_object(dataset: FileDataset, data: bytes) -> None:
    modality = str(dataset.get("Modality") or "").upper().strip()
    if modality and modality not in _MODALITIES:
        name = _MODALITY_NAMES.get(modality)
        what = f"{modality} ({name})" if name else "not plain radiography"
        raise WrongModality(f"The DICOM modality is {what}; choose a chest radiograph (CR, DX or RG).")
    if not any(element in dataset for element in _PIXEL_ELEMENTS):
        if _PIXEL_TAG in data:
            raise TruncatedFile(CUT_OFF)
        raise NotAnImage("The DICOM file holds no picture; choose the object with the radiograph itself.")
    if int(dataset.get("NumberOfFrames") or 1) > 1:
        raise MultiFrame("The DICOM file has several frames; export the one radiograph as its own file.")


def _decode(dataset: FileDataset, data: bytes) -> FloatArray:
    values = decode_pixels(dataset, data)
    if is_monochrome(dataset):
        return to_presentation(values, dataset)
    if dataset.PhotometricInterpretation == "PALETTE COLOR":
        values = apply_color_lut(values, dataset)
    if values.ndim != 3 or values.shape[2] < 3:
        raise DamagedFile("The colours of the DICOM picture are not understood; export it as grey.")
    return to_unit(luminance(values[..., :3]))
