"""Small documents of each kind, made by hand: their bytes."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence

_WORD = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def pdf(
    pages: Sequence[Sequence[str]],
    title: str = "",
    bookmarks: Sequence[tuple[str, int]] = (),
) -> bytes:
    """A PDF with lines of text; bookmarks are titles and the numbers of their pages."""
    count = len(pages)
    first_page, first_mark = 4, 4 + 2 * count
    objects = {
        1: f"<< /Type /Catalog /Pages 2 0 R{' /Outlines 3 0 R' if bookmarks else ''} >>",
        2: f"<< /Type /Pages /Count {count} /Kids "
        f"[{' '.join(f'{first_page + 2 * at} 0 R' for at in range(count))}] >>",
        3: f"<< /Type /Outlines /First {first_mark} 0 R "
        f"/Last {first_mark + len(bookmarks) - 1} 0 R /Count {len(bookmarks)} >>",
    }
    font = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
    for at, lines in enumerate(pages):
        drawn = "".join(f"({line}) Tj 0 -14 Td " for line in lines)
        content = f"BT /F1 12 Tf 72 720 Td {drawn}ET"
        objects[first_page + 2 * at] = (
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents "
            f"{first_page + 2 * at + 1} 0 R /Resources << /Font << /F1 {font} >> >> >>"
        )
        objects[first_page + 2 * at + 1] = (
            f"<< /Length {len(content)} >>\nstream\n{content}\nendstream"
        )
    for at, (name, page) in enumerate(bookmarks):
        beside = f"/Next {first_mark + at + 1} 0 R " if at + 1 < len(bookmarks) else ""
        objects[first_mark + at] = (
            f"<< /Title ({name}) /Parent 3 0 R {beside}"
            f"/Dest [{first_page + 2 * (page - 1)} 0 R /Fit] >>"
        )
    info = first_mark + len(bookmarks)
    objects[info] = f"<< /Title ({title}) >>"
    written, places = b"%PDF-1.4\n", {}
    for number in sorted(objects):
        places[number] = len(written)
        written += f"{number} 0 obj\n{objects[number]}\nendobj\n".encode("latin-1")
    table = "".join(f"{places[number]:010} 00000 n \n" for number in sorted(objects))
    trailer = (
        f"xref\n0 {info + 1}\n0000000000 65535 f \n{table}"
        f"trailer\n<< /Size {info + 1} /Root 1 0 R /Info {info} 0 R >>\n"
        f"startxref\n{len(written)}\n%%EOF\n"
    )
    return written + trailer.encode()


def archive(parts: dict[str, str | bytes]) -> bytes:
    """A zip archive."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as written:
        for name, content in parts.items():
            written.writestr(name, content)
    return stream.getvalue()


def docx(paragraphs: Sequence[tuple[str, str]], title: str = "", core: str = "") -> bytes:
    """A Word document: paragraphs with the id of their style, such as Heading1 or Normal.

    `core` takes the place of the element of the title.
    """
    body = "".join(
        f'<w:p><w:pPr><w:pStyle w:val="{style}"/></w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>'
        for style, text in paragraphs
    )
    styles = "".join(
        f'<w:style w:type="paragraph" w:styleId="Heading{level}">'
        f'<w:name w:val="heading {level}"/></w:style>'
        for level in (1, 2)
    )
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    return archive(
        {
            "[Content_Types].xml": f'<Types xmlns="{package}/content-types">'
            '<Default Extension="xml" ContentType="application/xml"/>'
            '<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats'
            '-officedocument.wordprocessingml.document.main+xml"/></Types>',
            "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" '
            f'Type="{office}/officeDocument" Target="word/document.xml"/></Relationships>',
            "word/_rels/document.xml.rels": f'<Relationships xmlns="{package}/relationships">'
            f'<Relationship Id="r1" Type="{office}/styles" Target="styles.xml"/></Relationships>',
            "word/document.xml": f"<w:document {_WORD}><w:body>{body}</w:body></w:document>",
            "word/styles.xml": f"<w:styles {_WORD}>{styles}</w:styles>",
            "docProps/core.xml": '<cp:coreProperties xmlns:cp="c" xmlns:dc="d">'
            f"{core or f'<dc:title>{title}</dc:title>'}</cp:coreProperties>",
        }
    )


def pptx(slides: Sequence[tuple[str, str]], title: str = "") -> bytes:
    """Slides with a title and a text."""
    from pptx import Presentation

    shown = Presentation()
    shown.core_properties.title = title
    for head, text in slides:
        slide = shown.slides.add_slide(shown.slide_layouts[1])
        slide.shapes.title.text = head
        slide.placeholders[1].text = text
    stream = io.BytesIO()
    shown.save(stream)
    return stream.getvalue()


def epub(chapters: Sequence[str], title: str = "A book") -> bytes:
    """An EPUB of chapters in HTML."""
    names = [f"c{at}.xhtml" for at in range(len(chapters))]
    manifest = "".join(
        f'<item id="{name}" href="{name}" media-type="application/xhtml+xml"/>' for name in names
    )
    spine = "".join(f'<itemref idref="{name}"/>' for name in names)
    return archive(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:'
            'container"><rootfiles><rootfile full-path="OEBPS/content.opf"/></rootfiles>'
            "</container>",
            "OEBPS/content.opf": '<package xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata>'
            f"<dc:title>{title}</dc:title></metadata><manifest>{manifest}</manifest>"
            f"<spine>{spine}</spine></package>",
            **{
                f"OEBPS/{name}": f'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml">'
                f"<body>{chapter}</body></html>"
                for name, chapter in zip(names, chapters, strict=True)
            },
        }
    )
