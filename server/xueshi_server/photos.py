"""Photos as the node keeps them: turned upright, shrunk, and nothing of what the camera wrote.

Whatever arrives is decoded and encoded anew, so that a file that is a picture and something else
at once does not survive. Pillow is loaded by the first photo, not before: an idle node is small.
"""

import io
import struct
import threading
import warnings
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from xueshi_server.domain.errors import BadValueError
from xueshi_server.domain.uploads import HEAD_BYTES, Kind, clean_name, sniff

if TYPE_CHECKING:
    from PIL.Image import Image

JPEG: Final = "image/jpeg"
PDF: Final = "application/pdf"
# What a photo takes on the disk and on the line.
PHOTO_BYTES_MAX: Final = 300_000
PDF_BYTES_MAX: Final = 3_000_000
# A phone's picture has 3 to 12 MB.
GIVEN_BYTES_MAX: Final = 25_000_000
SIDE_MAX: Final = 1600
THUMB_SIDE: Final = 200
_MIB: Final = 1 << 20
# A JPEG is decoded at a fraction of its size; the others whole, at four bytes a pixel.
_PIXELS_MAX: Final = {"jpeg": 120_000_000, "png": 24_000_000, "webp": 24_000_000}
_QUALITIES: Final = (82, 74, 66, 58, 50)
_SMALLER: Final = 0.8
_FORMATS: Final = {"jpeg": "JPEG", "png": "PNG", "webp": "WEBP"}
# A damaged file reaches every corner of a decoder.
_BROKEN: Final = (
    ArithmeticError, LookupError, MemoryError, OSError, SyntaxError, TypeError, ValueError,
    EOFError, AssertionError, NotImplementedError, struct.error, zlib.error,
)  # fmt: skip
# One at a time: an old PC has the memory for one.
_ONE: Final = threading.Lock()


@dataclass(frozen=True, slots=True)
class Upload:
    """A file fit to keep. A PDF has neither size in pixels nor a small picture."""

    data: bytes
    media: str
    name: str
    width: int = 0
    height: int = 0
    thumb: bytes = b""


def take_upload(data: bytes, given_name: str, *, pdf: bool = False) -> Upload:
    """What arrived as a photo, or as a PDF where one may be; raises BadValueError."""
    if not data:
        raise BadValueError("photo.empty")
    if len(data) > GIVEN_BYTES_MAX:
        raise BadValueError("photo.too_large", most=str(GIVEN_BYTES_MAX // _MIB))
    kind = sniff(data[:HEAD_BYTES])
    if kind == "pdf" and pdf:
        return _take_pdf(data, given_name)
    if kind == "heic":
        raise BadValueError("photo.heic")
    if kind not in _FORMATS:
        raise BadValueError("photo.no_pdf" if kind == "pdf" else "photo.not_a_picture")
    with _ONE:
        return _take_picture(data, kind, given_name)


def _take_pdf(data: bytes, given_name: str) -> Upload:
    if len(data) > PDF_BYTES_MAX:
        raise BadValueError("photo.pdf_too_large", most=str(PDF_BYTES_MAX // 1_000_000))
    return Upload(data, PDF, clean_name(given_name, ".pdf"))


def _take_picture(data: bytes, kind: Kind, given_name: str) -> Upload:
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            # The number of pixels is looked at here, before anything is decoded.
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=[_FORMATS[kind]]) as opened:
                _check_size(opened, kind)
                opened.draft("RGB", (SIDE_MAX, SIDE_MAX))
                opened.load()
                upright = ImageOps.exif_transpose(opened)
                picture = _flatten(upright if upright is not None else opened)
    except BadValueError:
        raise
    except Image.DecompressionBombError as error:
        raise BadValueError("photo.too_many_pixels", most=_megapixels(kind)) from error
    except (UnidentifiedImageError, *_BROKEN) as error:
        raise BadValueError("photo.broken") from error
    shrunk, encoded = _shrink(picture)
    width, height = shrunk.size
    shrunk.thumbnail((THUMB_SIDE, THUMB_SIDE))
    small = _encode(shrunk, 70)
    return Upload(encoded, JPEG, clean_name(given_name, ".jpg"), width, height, small)


def _check_size(opened: "Image", kind: Kind) -> None:
    width, height = opened.size
    # A progressive JPEG is held whole while it is decoded.
    counted = "png" if opened.info.get("progressive") else kind
    if width * height > _PIXELS_MAX[counted]:
        raise BadValueError("photo.too_many_pixels", most=_megapixels(counted))
    if min(width, height) < 1:
        raise BadValueError("photo.broken")


def _megapixels(kind: str) -> str:
    return str(_PIXELS_MAX[kind] // 1_000_000)


def _flatten(picture: "Image") -> "Image":
    """The picture on white, in plain colours."""
    from PIL import Image

    if picture.mode == "P":
        picture = picture.convert("RGBA")
    picture.thumbnail((SIDE_MAX, SIDE_MAX))
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        above = picture.convert("RGBA")
        white = Image.new("RGBA", above.size, "white")
        return Image.alpha_composite(white, above).convert("RGB")
    return picture.convert("RGB")


def _shrink(picture: "Image") -> tuple["Image", bytes]:
    """The best that fits the limit: first less quality, then fewer pixels."""
    while True:
        for quality in _QUALITIES:
            encoded = _encode(picture, quality)
            if len(encoded) <= PHOTO_BYTES_MAX:
                return picture, encoded
        width, height = picture.size
        picture = picture.resize((max(int(width * _SMALLER), 1), max(int(height * _SMALLER), 1)))


def _encode(picture: "Image", quality: int) -> bytes:
    output = io.BytesIO()
    # Nothing of `info` goes along: no place, no camera, no colour profile.
    picture.info.clear()
    picture.save(output, "JPEG", quality=quality, optimize=True, progressive=True)
    return output.getvalue()
