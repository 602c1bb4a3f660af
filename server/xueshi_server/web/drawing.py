"""Drawings inside a page: no picture to fetch, no style."""

import io


def draw_code(text: str) -> str:
    """A QR code; whoever shows it says in words what it holds."""
    # Loaded where it is drawn: a node that stays on its PC does without.
    import segno

    drawn = io.BytesIO()
    segno.make(text, error="m", micro=False).save(
        drawn, kind="svg", xmldecl=False, svgns=True, nl=False, border=4, dark="#000", light="#fff",
        omitsize=True, svgclass="qr", lineclass=None,
    )  # fmt: skip
    return drawn.getvalue().decode()
