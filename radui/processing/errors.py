"""Why a file was refused: one type a reason, each with one sentence that says what to do."""

# ruff: noqa: N818 - the names say the reason; the base class says that they are errors


class ImageError(ValueError):
    """A file that cannot be used as a radiograph; str() is one sentence for the user."""


class EmptyFile(ImageError):
    """No bytes at all."""


class TruncatedFile(ImageError):
    """The end of the file is missing."""


class DamagedFile(ImageError):
    """The bytes contradict themselves or their format."""


class NotAnImage(ImageError):
    """Neither PNG, JPEG, TIFF nor a DICOM object with a picture."""


class TooLarge(ImageError):
    """More bytes or pixels than are decoded."""


class TooSmall(ImageError):
    """Too few pixels on a side."""


class NoContrast(ImageError):
    """The same grey everywhere, as stored or after windowing."""


class WrongModality(ImageError):
    """A DICOM object of another modality than plain radiography."""


class UnsupportedSyntax(ImageError):
    """A pixel encoding for which no decoder is installed or none is known."""


class MultiFrame(ImageError):
    """More than one picture in the file."""


class WrongViewCount(ImageError):
    """A study of no picture or of more than two."""
