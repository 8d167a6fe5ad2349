"""Pictures keep every pixel."""

from __future__ import annotations

import io

from PIL import Image, ImageChops, ImageDraw

from retaguarda.portal.pictures import lossless_webp


def test_every_pixel_is_kept() -> None:
    picture = Image.effect_noise((200, 120), 90).convert("RGB")
    ImageDraw.Draw(picture).text((10, 10), "Protocolo 202611470336", fill=(1, 2, 3))
    png = io.BytesIO()
    picture.save(png, "PNG")
    kept = Image.open(io.BytesIO(lossless_webp(png.getvalue())))
    assert kept.format == "WEBP"
    assert ImageChops.difference(kept.convert("RGB"), picture).getbbox() is None
