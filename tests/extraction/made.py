"""Files as programs make them, and as somebody hostile would."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

from pypdf import PdfWriter
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
PNG_1X1 = (
    b"\x89PNG\r\n\x1a\n"
    + b"\x00\x00\x00\rIHDR"
    + (ihdr := struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    + struct.pack(">I", zlib.crc32(b"IHDR" + ihdr))
    + struct.pack(">I", len(idat := zlib.compress(b"\0\xff\0\0")))
    + b"IDAT"
    + idat
    + struct.pack(">I", zlib.crc32(b"IDAT" + idat))
    + b"\x00\x00\x00\x00IEND\xaeB`\x82"
)
JPEG_HEAD = (
    b"\xff\xd8\xff\xe0\x00\x10JFIF\0\1\1\0\0\1\0\1\0\0\xff\xc0\x00\x0b\x08\x00\x02\x00\x03\x01\x01\x11\x00\xff\xd9"
)


def pdf(*pages: str, password: str | None = None, owner: str | None = None) -> bytes:
    writer = PdfWriter()
    for text in pages:
        page = writer.add_blank_page(300, 300)
        font = DictionaryObject(
            {
                NameObject("/Type"): NameObject("/Font"),
                NameObject("/Subtype"): NameObject("/Type1"),
                NameObject("/BaseFont"): NameObject("/Helvetica"),
            }
        )
        fonts = DictionaryObject({NameObject("/F1"): font})
        page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
        stream = DecodedStreamObject()
        stream.set_data(f"BT /F1 12 Tf 10 200 Td ({text}) Tj ET".encode("latin-1"))
        page[NameObject("/Contents")] = writer._add_object(stream)
    if password is not None:
        writer.encrypt(password, owner, algorithm="AES-256")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def docx(body: str, *, head: str = "", **members: bytes) -> bytes:
    """`body` is what stands in <w:body>; `head` before the root; `members` besides, `/` written as `__`."""
    xml = (
        f'<?xml version="1.0" encoding="UTF-8"?>{head}<w:document xmlns:w="{WORD}"><w:body>{body}</w:body></w:document>'
    )
    return archive({"word/document.xml": xml.encode()} | {k.replace("__", "/"): v for k, v in members.items()})


def archive(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return out.getvalue()


def paragraph(text: str) -> str:
    return f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"


def zip_bomb(size: int) -> bytes:
    """A few kilobytes that unpack to `size` bytes of honest XML."""
    return docx(paragraph("x") + " " * size)


def lying_zip_bomb(size: int) -> bytes:
    """The same, whose directory says that it is small."""
    data = zip_bomb(size)
    real = size + len(docx("")) * 0
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        real = file.getinfo("word/document.xml").file_size
    return data.replace(struct.pack("<I", real), struct.pack("<I", 1000))
