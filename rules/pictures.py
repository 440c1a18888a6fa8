"""An uploaded file becomes a picture: really decoded and written anew, so that nothing is left but what is seen."""

import hashlib
import io
import warnings
from typing import IO, NamedTuple

from django.utils.translation import gettext, gettext_noop
from PIL import Image, ImageOps, ImageSequence, UnidentifiedImageError

from profiles.writing import write_number

MIMES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp", "GIF": "image/gif"}
ENDINGS = {"PNG": "png", "JPEG": "jpg", "WEBP": "webp", "GIF": "gif"}
MOST_FRAMES = 300
QUALITY = 88  # of what loses something each time it is written
NAMED_BY = 32  # hexadecimal digits

KINDS = gettext_noop("PNG, JPEG, WebP or GIF")


class BadPicture(ValueError):
    """The file is no picture that is taken; the message says why, and how to mend it."""


class Picture(NamedTuple):
    """What is kept of an upload; `name` follows from `content`."""

    name: str
    content: bytes
    width: int
    height: int


def read_picture(file: IO[bytes], *, most_bytes: int, most_pixels: int) -> Picture:
    """The picture that an uploaded file holds, without its metadata. Raises BadPicture.

    What a file says of itself is read before anything is unpacked: one that would unpack to more pixels than are taken,
    all frames of an animation counted, never is."""
    raw = file.read(most_bytes + 1)
    if len(raw) > most_bytes:
        raise BadPicture(
            gettext("The file has more than %(most)s bytes; make the picture smaller.")
            % {"most": write_number(most_bytes)}
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the bound below is ours
            with Image.open(io.BytesIO(raw), formats=list(MIMES)) as opened:
                return _write(opened, most_pixels)
    except BadPicture:
        raise
    except UnidentifiedImageError:
        raise BadPicture(
            gettext("This is no picture that is taken; save it as %(kinds)s.") % {"kinds": gettext(KINDS)}
        ) from None
    except Image.DecompressionBombError:
        raise BadPicture(_say_too_many(most_pixels)) from None
    except (OSError, ValueError, SyntaxError, EOFError, OverflowError, MemoryError, IndexError, TypeError) as error:
        raise BadPicture(gettext("The picture is damaged or cut off; save it anew.")) from error


def _write(opened: Image.Image, most_pixels: int) -> Picture:
    kind = str(opened.format)
    width, height = opened.size
    if width * height > most_pixels:
        raise BadPicture(_say_too_many(most_pixels))
    out = io.BytesIO()
    if getattr(opened, "is_animated", False):
        _write_frames(opened, kind, out, most_pixels)
        size = opened.size
    else:
        opened.load()
        picture = ImageOps.exif_transpose(opened)  # the metadata that says which side is up goes with the rest
        picture = _flatten(picture, kind)
        size = picture.size
        _save(picture, kind, out)
    content = out.getvalue()
    digest = hashlib.sha256(content).hexdigest()[:NAMED_BY]
    return Picture(f"{digest}.{ENDINGS[kind]}", content, *size)


def _write_frames(opened: Image.Image, kind: str, out: io.BytesIO, most_pixels: int) -> None:
    width, height = opened.size
    count = int(getattr(opened, "n_frames", 1))
    if count > MOST_FRAMES:
        raise BadPicture(
            gettext("The animation has %(count)s frames; %(most)s are the most.")
            % {"count": write_number(count), "most": MOST_FRAMES}
        )
    if width * height * count > most_pixels * 4:
        raise BadPicture(gettext("The animation has too many frames for its size; make it smaller or shorter."))
    frames, durations = [], []
    for frame in ImageSequence.Iterator(opened):
        frames.append(frame.convert("RGBA"))
        durations.append(frame.info.get("duration", 100))
    first, *rest = frames
    loop = {"loop": opened.info["loop"]} if "loop" in opened.info else {}
    more = {"quality": QUALITY} if kind == "WEBP" else {"disposal": 2} if kind == "GIF" else {}
    first.info.clear()
    first.save(out, kind, save_all=True, append_images=rest, duration=durations, **loop, **more)


def _flatten(picture: Image.Image, kind: str) -> Image.Image:
    """In the colours that every browser and mail program shows alike."""
    if kind == "JPEG":
        return picture if picture.mode in ("RGB", "L") else picture.convert("RGB")
    if kind == "GIF" or picture.mode in ("RGB", "RGBA", "L", "LA", "P"):
        return picture
    return picture.convert("RGBA" if "A" in picture.mode or "transparency" in picture.info else "RGB")


def _save(picture: Image.Image, kind: str, out: io.BytesIO) -> None:
    clean = picture.copy()
    transparency = clean.info.get("transparency")
    clean.info = {} if transparency is None else {"transparency": transparency}
    if kind == "JPEG":
        clean.save(out, "JPEG", quality=QUALITY, optimize=True, progressive=True)
    elif kind == "WEBP":
        clean.save(out, "WEBP", quality=QUALITY)
    else:
        clean.save(out, kind, optimize=True)


def _say_too_many(most_pixels: int) -> str:
    said = gettext("The picture has more than %(most)s pixels; make it smaller, 2,000 in width are plenty.")
    return said % {"most": write_number(most_pixels)}
