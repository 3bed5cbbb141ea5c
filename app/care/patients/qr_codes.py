"""A link as a QR code, to be held up to a patient's phone."""

from io import BytesIO

import segno


def qr_svg(url: str) -> str:
    """Draw a link as SVG, dark on white whatever lies behind it, with the quiet edge that scanners need."""
    drawn = BytesIO()
    segno.make(url, error="m", micro=False).save(
        drawn, kind="svg", xmldecl=False, omitsize=True, nl=False, border=4, dark="#000", light="#fff",
        svgclass=None, lineclass=None,
    )  # fmt: skip
    return drawn.getvalue().decode()
