"""The encoding of DICOM pixel data: what is refused before decoding, and decoding itself.

pydicom and its decoders believe the header; here it is compared with the bytes first, so that nothing
unpacks to more than it announces.
"""

import zlib
from io import BytesIO

import numpy as np
from pydicom.dataset import Dataset, FileDataset
from pydicom.encaps import get_frame
from pydicom.filereader import read_dataset
from pydicom.pixels import get_decoder, pixel_array
from pydicom.pixels.utils import get_expected_length
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSTransferSyntaxes,
    JPEGTransferSyntaxes,
    RLELossless,
)

from radui.processing.codestream import read_jpeg_2000_header, read_jpeg_header
from radui.processing.decoder_process import DecoderProcess
from radui.processing.errors import DamagedFile, TooLarge, TruncatedFile, UnsupportedSyntax
from radui.processing.limits import MAX_BYTES

CUT_OFF = "The DICOM file is cut off before the end of its pixel data; copy or send it again."
_JPEG_2000_SYNTAXES = (JPEG2000Lossless, JPEG2000, HTJ2KLossless, HTJ2KLosslessRPCL, HTJ2K)
# What pydicom can hand to a decoder; each of them may need a package of its own.
_COMPRESSED = (*JPEGTransferSyntaxes, *JPEGLSTransferSyntaxes, *_JPEG_2000_SYNTAXES, RLELossless)
_DECODER = DecoderProcess()
_UNPACKED = "send the picture uncompressed (Explicit VR Little Endian)."


def check_inflated_size(data: bytes) -> None:
    """Raise TooLarge for a deflated data set (PS3.5 A.5) that unpacks to more than MAX_BYTES."""
    if DeflatedExplicitVRLittleEndian.encode() not in data:
        return
    file = BytesIO(data)
    file.seek(132 if data[128:132] == b"DICM" else 0)
    meta = read_dataset(file, False, True, stop_when=lambda tag, _vr, _length: tag.group != 2)
    list(meta)  # raises where pydicom would read these elements a second time, in another encoding
    if meta.get("TransferSyntaxUID") != DeflatedExplicitVRLittleEndian:
        return
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    inflater.decompress(data[file.tell() :], MAX_BYTES)
    if inflater.unconsumed_tail:
        raise TooLarge(
            f"The DICOM file unpacks to more than {MAX_BYTES >> 20} MiB; export it at a lower resolution."
        )
    if not inflater.eof:
        raise TruncatedFile(CUT_OFF)


def check_encoding(dataset: FileDataset) -> None:
    """Raise where the pixel data cannot be decoded, is cut off, or would decode to more than it should."""
    syntax = _transfer_syntax(dataset)
    if syntax.is_transfer_syntax and not syntax.is_encapsulated:
        if "PixelData" in dataset and len(dataset.PixelData) < get_expected_length(dataset):
            raise TruncatedFile(CUT_OFF)
    elif syntax in _COMPRESSED and get_decoder(syntax).is_available:
        _check_codestream(get_frame(dataset.PixelData, 0, number_of_frames=1), syntax, dataset)
    else:
        name = syntax.name if syntax.is_valid else "an unknown syntax"
        raise UnsupportedSyntax(f"No decoder is installed for DICOM pixel data in {name}; {_UNPACKED}")


def decode_pixels(dataset: FileDataset, data: bytes) -> np.ndarray:
    """Stored values (height, width) or (height, width, 3) of the one frame, colours as RGB.

    data: the file that the data set was read from. What pydicom itself decodes is decoded here, anything
    else in a child process: GDCM 3.2.6 was seen to end its process over a JPEG with one wrong bit.
    """
    syntax = dataset.file_meta.TransferSyntaxUID
    if not syntax.is_encapsulated:
        return pixel_array(dataset)
    try:
        return pixel_array(dataset) if syntax == RLELossless else _DECODER.decode(data)
    except Exception:
        # A decoder that is installed may still know only part of its syntax, such as 8 of 12 bits.
        raise UnsupportedSyntax(
            f"The DICOM pixel data in {syntax.name} are damaged or need another decoder; {_UNPACKED}"
        ) from None


def _transfer_syntax(dataset: FileDataset) -> UID:
    """The syntax in the file meta information, or where that lacks, the one in which the file was parsed."""
    if "TransferSyntaxUID" not in dataset.file_meta:
        implicit, little = dataset.original_encoding
        explicit = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else explicit
    return dataset.file_meta.TransferSyntaxUID


def _check_codestream(frame: bytes, syntax: UID, dataset: Dataset) -> None:
    """Compare what the decoder would make with what the header announces."""
    if syntax == RLELossless:
        _check_run_lengths(frame, 2 * get_expected_length(dataset) + 2**16)
        return
    if syntax in _JPEG_2000_SYNTAXES:
        header = read_jpeg_2000_header(frame)
    elif syntax in JPEGTransferSyntaxes + JPEGLSTransferSyntaxes:
        header = read_jpeg_header(frame)
    else:
        return
    if (header.width, header.height) != (dataset.Columns, dataset.Rows) or header.components > 4:
        raise DamagedFile(
            "The DICOM header and the compressed picture disagree on its size; export it again."
        )


def _check_run_lengths(frame: bytes, limit: int) -> None:
    """Add up what an RLE frame (PS3.5 annex G) unpacks to, since its decoder sets no limit."""
    position, unpacked = 64, 0
    while position < len(frame) and unpacked <= limit:
        control = frame[position]
        unpacked += control + 1 if control < 128 else 257 - control
        position += control + 2 if control < 128 else 2
    if unpacked > limit:
        raise DamagedFile("The compressed DICOM picture is larger than its header says; export it again.")
