from collections.abc import Callable
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian


@pytest.fixture
def picture() -> np.ndarray:
    """(96, 80) uint8: two ramps and a bright block in the upper left, so that every turn differs."""
    y, x = np.mgrid[:96, :80]
    values = (x + y).astype(np.uint8)
    values[8:24, 8:40] = 240
    return values


@pytest.fixture
def encode() -> Callable[..., bytes]:
    """encode(array or PIL image, format, **options): the bytes of a file."""

    def encode(picture: np.ndarray | Image.Image, form: str, **options: object) -> bytes:
        file = BytesIO()
        image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
        image.save(file, form, **options)
        return file.getvalue()

    return encode


@pytest.fixture
def dataset() -> Callable[..., Dataset]:
    """dataset(stored values, **elements): an uncompressed single-frame radiograph."""

    def dataset(stored: np.ndarray, **elements: object) -> Dataset:
        made = Dataset()
        made.file_meta = FileMetaDataset()
        made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        made.SOPClassUID = "1.2.840.10008.5.1.4.1.1.1.1"
        made.SOPInstanceUID = "1.2.826.0.1.3680043.8.498.1"
        made.Modality = "DX"
        made.Rows, made.Columns = stored.shape[:2]
        made.SamplesPerPixel = 1 if stored.ndim == 2 else 3
        made.PhotometricInterpretation = "MONOCHROME2" if stored.ndim == 2 else "RGB"
        made.BitsAllocated = made.BitsStored = 8 * stored.dtype.itemsize
        made.HighBit = made.BitsStored - 1
        made.PixelRepresentation = int(stored.dtype.kind == "i")
        if stored.ndim == 3:
            made.PlanarConfiguration = 0
        made.PixelData = stored.tobytes()
        made["PixelData"].VR = "OW" if stored.dtype.itemsize > 1 else "OB"
        for keyword, value in elements.items():
            setattr(made, keyword, value)
        return made

    return dataset


@pytest.fixture
def dicom_bytes(dataset: Callable[..., Dataset]) -> Callable[..., bytes]:
    """dicom_bytes(stored values or a data set, **elements): the bytes of a DICOM file."""

    def dicom_bytes(source: np.ndarray | Dataset, **elements: object) -> bytes:
        made = source if isinstance(source, Dataset) else dataset(source, **elements)
        file = BytesIO()
        made.save_as(file, enforce_file_format=True)
        return file.getvalue()

    return dicom_bytes
