"""Pictures of every kind are read; what is none is refused with its name."""

import io
import zlib

import numpy as np
import pytest
from PIL import Image

from giraffe.errors import ImageError
from giraffe.pictures import (
    LONGEST,
    read_file,
    read_image,
    read_pdf,
    read_picture,
    resize,
    thinned,
)


def _encoded(kind: str, mode: str, size=(64, 40)) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 4), dtype=np.uint8)
    rgba = Image.fromarray(pixels)
    image = rgba.convert("L").convert(mode) if mode in ("I;16", "F", "I") else rgba.convert(mode)
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        *(("PNG", mode) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")),
        *(("TIFF", mode) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK")),
        *(("TIFF", mode) for mode in ("I;16", "I", "F")),
        *(("JPEG", mode) for mode in ("L", "RGB", "CMYK")),
        *(("BMP", mode) for mode in ("1", "L", "P", "RGB")),
        *(("WEBP", mode) for mode in ("RGB", "RGBA")),
        *(("GIF", mode) for mode in ("L", "P")),
    ],
)
def test_every_kind_of_picture_is_read_whatever_its_name_says(tmp_path, kind, mode):
    path = tmp_path / "picture.png"
    path.write_bytes(_encoded(kind, mode))
    pixels = read_image(path, 20, 32)
    assert pixels.shape == (20, 32, 3) and pixels.dtype == np.uint8
    assert pixels.std() > 5  # it is the noise that was written, neither black nor white


@pytest.mark.parametrize("size", [(1, 1), (30, 20_000), (20_000, 30), (2, 1)])
def test_extreme_shapes_are_read(tmp_path, size):
    Image.new("L", size, 77).save(tmp_path / "a.png")
    assert (read_image(tmp_path / "a.png", 24, 48) == 77).all()


def test_a_photograph_is_turned_as_its_camera_says_and_the_first_frame_counts(tmp_path):
    image = Image.new("RGB", (60, 40), "white")
    image.paste("black", (0, 0, 30, 40))  # left half
    exif = image.getexif()
    exif[0x0112] = 6  # to be turned clockwise: left becomes top
    image.save(tmp_path / "turned.jpg", exif=exif, quality=95)
    pixels = read_image(tmp_path / "turned.jpg", 60, 40)
    assert pixels[:25].mean() < 30 and pixels[35:].mean() > 225
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    assert read_image(tmp_path / "moving.gif", 8, 8)[0, 0, 0] > 200


def test_a_giant_image_shrinks_to_what_the_plain_way_gives(tmp_path):
    rng = np.random.default_rng(0)
    pixels = np.kron(rng.integers(0, 256, (48, 96, 3)), np.ones((40, 40, 1))).astype(np.uint8)
    image = Image.fromarray(pixels)
    exif = image.getexif()
    exif[0x0112] = 3  # upside down
    image.save(tmp_path / "a.png", exif=exif)
    shrunk = read_image(tmp_path / "a.png", 48, 96)
    plain = resize(pixels[::-1, ::-1], 48, 96)
    assert np.abs(shrunk.astype(int) - plain).mean() < 1


@pytest.mark.parametrize("size", [(300, 200), (1, 1), (2600, 1000), (7000, 900), (30, 20_000)])
def test_pictures_keep_their_proportions_and_large_ones_are_shrunk(tmp_path, size):
    Image.new("L", size, 77).save(tmp_path / "a.png")
    pixels = read_picture(tmp_path / "a.png")
    factor = min(1.0, LONGEST / max(size))
    expected = [max(round(side * factor), 1) for side in size[::-1]]
    assert np.abs(np.subtract(pixels.shape[:2], expected)).max() <= 1 and (pixels == 77).all()
    if factor == 1:
        assert pixels.shape[1::-1] == size
    thin = thinned(pixels, 400)
    assert (thin == 77).all() and max(thin.shape[:2]) < max(800, 400 * max(pixels.shape[:2]))


def test_pages_of_a_pdf_keep_their_proportions_and_giant_ones_are_refused(tmp_path):
    upright, lying = (Image.new("L", size, 120) for size in ((210, 297), (297, 210)))
    upright.save(tmp_path / "a.pdf", save_all=True, append_images=[lying], resolution=25.4)
    pages = read_pdf(tmp_path / "a.pdf", 1000)
    assert [page.shape[0] / page.shape[1] for page in pages] == pytest.approx(
        [297 / 210, 210 / 297], abs=0.01
    )
    assert all(max(page.shape) == 1000 and np.abs(page[20:-20] - 120.0).max() < 3 for page in pages)
    assert [page.shape for page in read_file(tmp_path / "a.pdf", 1000)] == [p.shape for p in pages]
    upright.save(tmp_path / "giant.pdf", resolution=2)  # 3.7 m high
    with pytest.raises(ImageError, match="more than the 120 million"):
        read_pdf(tmp_path / "giant.pdf")


def _png_claiming(width: int, height: int) -> bytes:
    """A PNG whose header announces a size that its data do not have."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = zlib.crc32(kind + content).to_bytes(4, "big")
        return len(content).to_bytes(4, "big") + kind + content + checksum

    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 0, 0, 0, 0])
    rows = zlib.compress(bytes(10_000_000))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not a readable image"),
        (b"no image", "not a readable image"),
        (_encoded("PNG", "RGB")[:300], "not a readable image"),
        (_encoded("JPEG", "RGB")[:100], "not a readable image"),
        (_png_claiming(13_000, 13_000), "more than the 120 million"),
        (_png_claiming(2**31 - 1, 2**31 - 1), "million|not a readable"),
    ],
)
def test_what_is_no_picture_or_a_bomb_is_refused_with_its_name(tmp_path, content, reason):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(ImageError, match=reason) as caught:
        read_image(tmp_path / "a.png", 20, 32)
    assert "a.png" in str(caught.value)
