"""Addresses as squares that a telephone reads."""

import segno


def qr_svg(text: str) -> str:
    """Return `text` as a QR code: an SVG element of its own, dark on light in every theme, as cameras expect it."""
    code = segno.make(text, error="m", micro=False)
    return code.svg_inline(scale=4, border=3, dark="#000", light="#fff", svgclass="qr", lineclass=None)
