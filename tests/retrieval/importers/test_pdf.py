"""PDF: headings by size, scanned pages named, damage told in one sentence."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

from pypdf import PdfWriter

from retrieval.importers import ImportResult, import_path


def pdf(*pages: list[tuple[int, str]]) -> bytes:
    """A small PDF: pages of (size in points, line), set in Helvetica from the top."""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    kids = []
    for lines in pages:
        y, parts = 780, []
        for size, text in lines:
            parts.append(f"BT /F1 {size} Tf 1 0 0 1 60 {y} Tm ({text}) Tj ET")
            y -= 2 * size
        content = "\n".join(parts).encode("latin-1")
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content))
        page = f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {len(objects)} 0 R"
        objects.append((page + " /Resources << /Font << /F1 3 0 R >> >> >>").encode())
        kids.append(f"{len(objects)} 0 R")
    objects[1] = f"<< /Type /Pages /Count {len(kids)} /Kids [{' '.join(kids)}] >>".encode()
    out, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    head = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    trailer = b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % (
        len(objects) + 1,
        len(out),
    )
    return out + head + table + trailer


POLICY = pdf(
    [
        (22, "Warranty terms"),
        (11, "We give 3 years on tents. It does not cover wear, for exam-"),
        (11, "ple worn soles."),
        (15, "How to claim"),
        (11, "Send a photo to care@pine.example."),
        (8, "Pine Ltd, page 1 of 3"),
    ],
    [(15, "Costs"), (11, "Repairs are free in the first year."), (8, "Pine Ltd, page 2 of 3")],
    [(11, "Then we charge 15 euros."), (8, "Pine Ltd, page 3 of 3")],
)


def read(tmp_path: Path, data: bytes, name: str = "policy.pdf") -> ImportResult:
    (tmp_path / name).write_bytes(data)
    return import_path(tmp_path / name)


def test_headings_make_passages_over_pages(tmp_path: Path) -> None:
    result = read(tmp_path, POLICY)
    assert result.problems == ()
    assert [(passage.passage_id, passage.title, passage.text) for passage in result.passages] == [
        (
            "pdf-policy#warranty-terms",
            "Warranty terms",
            "We give 3 years on tents. It does not cover wear, for example worn soles.",
        ),
        (
            "pdf-policy#how-to-claim",
            "Warranty terms – How to claim",
            "Send a photo to care@pine.example.",
        ),
        (
            "pdf-policy#costs",
            "Warranty terms – Costs",
            "Repairs are free in the first year.\nThen we charge 15 euros.",
        ),
    ]


def test_a_pdf_is_known_by_its_content(tmp_path: Path) -> None:
    result = read(tmp_path, POLICY, "policy.txt")
    assert len(result.passages) == 3
    assert "the content says PDF" in result.notes[0].message


def test_a_scanned_document_is_told(tmp_path: Path) -> None:
    result = read(tmp_path, pdf([], []))
    assert result.passages == ()
    assert "scanned" in result.problems[0].message


def test_a_scanned_page_among_others_is_named(tmp_path: Path) -> None:
    result = read(tmp_path, pdf([(11, "Text.")], [], [(11, "More.")]))
    assert len(result.passages) == 2
    assert [(problem.line, "scanned" in problem.message) for problem in result.problems] == [
        (2, True)
    ]


def test_a_password_is_told(tmp_path: Path) -> None:
    writer, out = PdfWriter(), BytesIO()
    writer.add_blank_page(100, 100)
    writer.encrypt("secret", algorithm="RC4-128")
    writer.write(out)
    assert "password" in read(tmp_path, out.getvalue()).problems[0].message


def test_half_a_file_is_told(tmp_path: Path) -> None:
    result = read(tmp_path, POLICY[: len(POLICY) // 3])
    assert result.problems
    assert "Traceback" not in str(result.problems[0])
