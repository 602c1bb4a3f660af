"""Photos that arrive: upright, small, without the camera's notes; and what is no photo at all."""

import io
import subprocess
import sys
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

from xueshi_server.domain.errors import BadValueError
from xueshi_server.domain.uploads import clean_name, sniff
from xueshi_server.photos import (
    GIVEN_BYTES_MAX,
    PDF_BYTES_MAX,
    PHOTO_BYTES_MAX,
    SIDE_MAX,
    THUMB_SIDE,
    take_upload,
)

SCRIPT = b"<script>alert(1)</script>"


def picture(width: int = 60, height: int = 40, kind: str = "JPEG", **more: Any) -> bytes:
    """A picture whose left half is red."""
    found = Image.new("RGB", (width, height), "blue")
    found.paste("red", (0, 0, width // 2, height))
    output = io.BytesIO()
    found.save(output, kind, **more)
    return output.getvalue()


def noise(side: int) -> bytes:
    """A picture that no encoder makes small."""
    output = io.BytesIO()
    Image.effect_noise((side, side), 120).convert("RGB").save(output, "JPEG", quality=95)
    return output.getvalue()


def with_exif(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "Camera"
    exif.get_ifd(0x8825)[1] = "N"
    return picture(exif=exif, comment=SCRIPT)


def bomb(side: int) -> bytes:
    """A tiny PNG that says it has that many pixels a side."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        crc = zlib.crc32(kind + data).to_bytes(4, "big")
        return len(data).to_bytes(4, "big") + kind + data + crc

    size = side.to_bytes(4, "big") * 2 + b"\x08\x06\x00\x00\x00"
    rows = zlib.compress(bytes(100_000), 9)
    parts = chunk(b"IHDR", size) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def test_a_photo_is_turned_upright_and_loses_what_the_camera_noted() -> None:
    upload = take_upload(with_exif(6), "IMG_0001.JPG")
    found = opened(upload.data).convert("RGB")
    assert (upload.width, upload.height) == found.size == (40, 60)
    red, _, blue = found.getpixel((20, 5))  # type: ignore[misc]
    assert red > 200 > 50 > blue
    assert not opened(upload.data).getexif()
    assert SCRIPT not in upload.data
    assert b"Camera" not in upload.data


@pytest.mark.parametrize("side", [700, 1900])
def test_a_photo_fits_the_limit_whatever_it_shows(side: int) -> None:
    upload = take_upload(noise(side), "noise.jpg")
    assert len(upload.data) <= PHOTO_BYTES_MAX
    assert max(upload.width, upload.height) <= SIDE_MAX
    assert max(opened(upload.thumb).size) <= THUMB_SIDE
    assert len(upload.thumb) < 30_000


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(picture(kind="PNG"), id="png"),
        pytest.param(picture(kind="WEBP"), id="webp"),
        pytest.param(picture(progressive=True), id="progressive"),
    ],
)
def test_pictures_of_other_kinds_become_jpeg(data: bytes) -> None:
    upload = take_upload(data, "shot.png")
    assert (upload.media, upload.name) == ("image/jpeg", "shot.jpg")
    assert upload.data.startswith(b"\xff\xd8\xff")


def test_what_is_transparent_becomes_white() -> None:
    output = io.BytesIO()
    Image.new("RGBA", (20, 20), (0, 0, 0, 0)).save(output, "PNG")
    assert opened(take_upload(output.getvalue(), "").data).getpixel((5, 5)) == (255, 255, 255)


HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing": (lambda: b"", "photo.empty"),
    "text": (lambda: b"hello", "photo.not_a_picture"),
    "svg-with-script": (
        lambda: b'<svg xmlns="http://www.w3.org/2000/svg">' + SCRIPT + b"</svg>",
        "photo.not_a_picture",
    ),
    "html-named-jpg": (lambda: b"<html>" + SCRIPT + b"</html>", "photo.not_a_picture"),
    "gif": (lambda: picture(kind="GIF"), "photo.not_a_picture"),
    "bomb-of-20000-by-20000": (lambda: bomb(20_000), "photo.too_many_pixels"),
    "more-pixels-than-bytes": (lambda: bomb(4000), "photo.broken"),
    "cut-jpeg": (lambda: noise(300)[:2000], "photo.broken"),
    "only-the-head-of-a-jpeg": (lambda: b"\xff\xd8\xff\xe0" + bytes(50), "photo.broken"),
    "cut-webp": (lambda: picture(kind="WEBP")[:40], "photo.broken"),
    "30-mb": (lambda: picture() + bytes(30_000_000), "photo.too_large"),
    "heic": (lambda: b"\x00\x00\x00\x18ftypheic" + bytes(40), "photo.heic"),
    "pdf-where-none-may-be": (lambda: b"%PDF-1.7", "photo.no_pdf"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_photo_is_refused_with_what_to_do(name: str) -> None:
    make, code = HOSTILE[name]
    with pytest.raises(BadValueError) as caught:
        take_upload(make(), "x.jpg")
    assert caught.value.value_code == code


def test_a_picture_that_is_also_a_page_is_only_a_picture_afterwards() -> None:
    upload = take_upload(picture() + SCRIPT, "both.jpg")
    assert SCRIPT not in upload.data


def test_a_pdf_is_kept_as_it_is() -> None:
    upload = take_upload(b"%PDF-1.7 scan", "扫描.pdf", pdf=True)
    assert (upload.data, upload.media, upload.name) == (
        b"%PDF-1.7 scan",
        "application/pdf",
        "扫描.pdf",
    )


def test_a_pdf_too_large_for_the_line_is_refused() -> None:
    with pytest.raises(BadValueError, match="pdf_too_large"):
        take_upload(b"%PDF-1.7" + bytes(PDF_BYTES_MAX), "x.pdf", pdf=True)


def test_a_file_is_bounded_before_it_is_looked_at() -> None:
    with pytest.raises(BadValueError, match="too_large"):
        take_upload(b"%PDF-" + bytes(GIVEN_BYTES_MAX), "x.pdf", pdf=True)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        pytest.param("IMG_0001.JPG", "IMG_0001.jpg", id="plain"),
        pytest.param("../../etc/passwd", "passwd.jpg", id="path"),
        pytest.param("C:\\fakepath\\证书 一.jpeg", "证书 一.jpg", id="windows-path"),
        pytest.param("长" * 300 + ".jpg", "长" * 76 + ".jpg", id="300-characters"),
        pytest.param("a\x00b\r\nc\u202egpj.exe", "abcgpj.jpg", id="unseen-characters"),
        pytest.param("CON.jpg", "", id="reserved-on-windows"),
        pytest.param("com1.tar.jpg", "", id="reserved-with-ending"),
        pytest.param("...", "", id="dots"),
        pytest.param('a";x=1.jpg', "ax=1.jpg", id="header"),
        pytest.param("", "", id="none"),
    ],
)
def test_a_name_is_fit_to_keep(given: str, kept: str) -> None:
    assert clean_name(given, ".jpg") == kept


@pytest.mark.parametrize("head", [b"", b"RIFF", b"RIFF0000WAVE", b"GIF89a", b"PK\x03\x04", b"<svg"])
def test_other_beginnings_are_no_kind_of_ours(head: bytes) -> None:
    assert sniff(head) == ""


def test_the_picture_library_waits_for_the_first_photo() -> None:
    code = "import sys, xueshi_server.photos; sys.exit('PIL' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
