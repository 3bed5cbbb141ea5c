"""A clinic's logo: read from a picture of theirs, and always written again by us before anybody is shown it."""

import asyncio
import hashlib
import io
from typing import Final

from PIL import Image, ImageOps

from app.context import Work
from app.foundation.errors import NotFoundError, RefusalError, RefusalKind
from app.storage import clinics

MOST_BYTES: Final = 1_000_000
# A small file can unfold to gigabytes: what is larger than a photograph is not unfolded.
_MOST_PIXELS: Final = 25_000_000
# Twice what a page shows, for sharp screens.
_WIDEST, _HIGHEST = 480, 120
_FORMATS: Final = ("PNG", "JPEG", "WEBP")
_PICTURE: Final = "#/picture"


class LogoTooLargeError(RefusalError):
    """A logo may have up to 1 MB; please choose a smaller picture."""

    kind = RefusalKind.TOO_LARGE
    code = "logo-too-large"


class LogoNotReadableError(RefusalError):
    """This is not a PNG, JPEG or WebP picture that can be read. SVG is not accepted: it can hold programs."""

    code = "logo-not-readable"


async def put_logo(work: Work, picture: bytes) -> None:
    """Keep a picture as the clinic's logo: small, as PNG, with nothing in it but what one sees.

    Raises:
        LogoTooLargeError: the file, or the picture in it, is too large.
        LogoNotReadableError: it is no PNG, JPEG or WebP, or is broken.
    """
    if len(picture) > MOST_BYTES:
        raise LogoTooLargeError(_PICTURE)
    # Decoding a picture takes a moment: in a thread, so that nobody else waits for it.
    png = await asyncio.to_thread(written_again, picture)
    # Its size is a part of its name: so a page has room for it before it has come.
    wide, high = (int.from_bytes(png[at : at + 4]) for at in (16, 20))
    digest = f"{hashlib.sha256(png).hexdigest()[:32]}-{wide}x{high}"
    await clinics.put_logo(work, png=png, digest=digest, now=work.real_now)
    work.audit("clinic.changed", "clinic", work.clinic_id)


async def remove_logo(work: Work) -> None:
    """Remove the logo; where there is none, nothing changes."""
    if await clinics.remove_logo(work):
        work.audit("clinic.changed", "clinic", work.clinic_id)


async def logo_of(work: Work) -> bytes:
    """Give the clinic's logo as PNG.

    Raises:
        NotFoundError: there is none.
    """
    png = await clinics.logo_png(work)
    if png is None:
        raise NotFoundError
    return png


def written_again(picture: bytes) -> bytes:
    """Decode a picture and write it as a small PNG: no byte of the file itself is kept, no place, no camera.

    Raises:
        LogoTooLargeError: it unfolds to more than is taken.
        LogoNotReadableError: it is of another kind, or broken.
    """
    try:
        with Image.open(io.BytesIO(picture), formats=_FORMATS) as opened:
            _refuse_huge(opened)
            upright = ImageOps.exif_transpose(opened).convert("RGBA")
        upright.thumbnail((_WIDEST, _HIGHEST), Image.Resampling.LANCZOS)
        out = io.BytesIO()
        # From its dots alone: what the file said beside them is not written.
        Image.frombytes("RGBA", upright.size, upright.tobytes()).save(out, "PNG", optimize=True)
    except LogoTooLargeError:
        raise
    except Exception as error:
        # A broken file may fail anywhere in its decoder, and in any way.
        raise LogoNotReadableError(_PICTURE) from error
    return out.getvalue()


def _refuse_huge(opened: Image.Image) -> None:
    if opened.width * opened.height > _MOST_PIXELS:
        raise LogoTooLargeError(_PICTURE)
