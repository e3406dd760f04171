"""Plots as figures for papers and slides: SVG, and PNG, both drawn from the same shapes."""

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from io import BytesIO
from pathlib import Path
from unicodedata import normalize

from PIL import Image, ImageDraw, ImageFont

from mids.analysis.plots import Plot
from mids.errors import MidsError
from mids.gallery.masks import COLOURS

SCALE = 2
"""Pixels of a PNG for each unit of an SVG."""
FONT, SMALL = 13, 11
ROW, BAR, LEFT, LENGTH, TOP = 20, 14, 230, 420, 56
HEIGHT, STEP = 260, 34
"""Units of a lying plot (height of a row and of its bar, place and length of the bars) and of a standing one."""
_PLAIN = str.maketrans({"–": "-", "…": "...", "≥": ">=", "×": "x", "±": "+-"})
"""What Pillow's own font lacks besides letters with accents, and what stands for it."""
MOST = 60
"""Rows of a lying plot; others are left out, and the figure says how many."""


@dataclass(frozen=True, slots=True)
class Box:
    """A filled rectangle: left, top, width, height."""

    x: float
    y: float
    width: float
    height: float
    colour: str


@dataclass(frozen=True, slots=True)
class Words:
    """A text whose baseline is at y; `anchor` is start, middle or end."""

    x: float
    y: float
    text: str
    size: int = SMALL
    anchor: str = "start"


@dataclass(frozen=True, slots=True)
class Picture:
    """An image at its place, in its own pixels."""

    x: float
    y: float
    image: Image.Image


@dataclass(frozen=True, slots=True)
class Drawing:
    """Shapes on a white page of `width` × `height` units."""

    width: int
    height: int
    shapes: "tuple[Box | Words | Picture, ...]"


def draw_plot(plot: Plot) -> Drawing:
    """A plot as bars; those of several series stand or lie upon each other, and a legend names them."""
    series = list(dict.fromkeys(row[1] for row in plot.rows if row[2]))
    colours = {name: COLOURS[number % len(COLOURS)] for number, name in enumerate(series)}
    bars: dict[str, dict[str, float]] = {}
    for category, name, number in plot.rows:
        bars.setdefault(category, {})[name] = bars.get(category, {}).get(name, 0) + number
    legend = [] if series in ([], [""]) else list(_legend(colours))
    top = TOP + (22 if legend else 0)
    make = _lying if plot.is_lying else _standing
    width, height, shapes = make(bars, colours, top)
    title = Words(14, 24, f"{plot.title} ({plot.measure})", FONT)
    note = [Words(14, height + 16, plot.note)] if plot.note else []
    width = max(width, 14 + 7 * max(len(plot.note), len(title.text)))
    return Drawing(width, height + (30 if note else 10), (title, *legend, *shapes, *note))


def _legend(colours: dict[str, str]) -> Iterator[Box | Words]:
    x = 14.0
    for name, colour in colours.items():
        yield Box(x, 36, 10, 10, colour)
        yield Words(x + 15, 45, name)
        x += 30 + 7 * len(name)


def _lying(
    bars: dict[str, dict[str, float]], colours: dict[str, str], top: int
) -> tuple[int, int, list[Box | Words | Picture]]:
    """Bars to the right, the categories down the left side."""
    shown = dict(list(bars.items())[:MOST])
    most = max((sum(parts.values()) for parts in shown.values()), default=1) or 1
    shapes: list[Box | Words | Picture] = []
    for row, (category, parts) in enumerate(shown.items()):
        y, x = top + row * ROW, float(LEFT)
        shapes.append(Words(LEFT - 8, y + BAR - 3, _short(category, 32), anchor="end"))
        for name, number in parts.items():
            if number:
                shapes.append(Box(x, y, LENGTH * number / most, BAR, colours[name]))
                x += LENGTH * number / most
        shapes.append(Words(x + 6, y + BAR - 3, f"{sum(parts.values()):,g}"))
    height = top + len(shown) * ROW
    if len(bars) > MOST:
        shapes.append(Words(LEFT, height + 10, f"… and {len(bars) - MOST} more"))
        height += 20
    return LEFT + LENGTH + 80, height + 8, shapes


def _standing(
    bars: dict[str, dict[str, float]], colours: dict[str, str], top: int
) -> tuple[int, int, list[Box | Words | Picture]]:
    """Bars upwards, the categories below them."""
    most = max((sum(parts.values()) for parts in bars.values()), default=1) or 1
    floor, shapes = top + 16 + HEIGHT, list[Box | Words | Picture]()
    step = max(STEP, 8 + 7 * max((len(name) for name in bars), default=0))
    for column, (category, parts) in enumerate(bars.items()):
        x, y = 30 + column * step, float(floor)
        for name, number in parts.items():
            if number:
                y -= HEIGHT * number / most
                shapes.append(Box(x + 3, y, step - 6, HEIGHT * number / most, colours[name]))
        shapes.append(Words(x + step / 2, y - 4, f"{sum(parts.values()):,g}", anchor="middle"))
        shapes.append(Words(x + step / 2, floor + 15, category, anchor="middle"))
    shapes.append(Box(30, floor, step * len(bars), 1, "#444444"))
    return 60 + step * len(bars), floor + 26, shapes


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


# --- files -----------------------------------------------------------------------------------------------


def save(drawing: Drawing, path: Path) -> Path:
    """Writes a new file, SVG or PNG by its name; raises `MidsError` where it exists, or is called otherwise."""
    if path.suffix.lower() not in (".svg", ".png"):
        raise MidsError(f"{path}: a figure is called ….svg or ….png")
    content = svg(drawing).encode() if path.suffix.lower() == ".svg" else png(drawing)
    try:
        with path.open("xb") as stream:
            stream.write(content)
    except FileExistsError as error:
        raise MidsError(f"{path} already exists: give another name, or remove it") from error
    except OSError as error:
        raise MidsError(f"can't write {path} ({error.strerror}): give another file") from error
    return path


def svg(drawing: Drawing) -> str:
    """The drawing as SVG 1.1, which loads nothing."""
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{drawing.width}" height="{drawing.height}" '
        f'viewBox="0 0 {drawing.width} {drawing.height}" font-family="sans-serif">\n'
        f'<rect width="{drawing.width}" height="{drawing.height}" fill="#ffffff"/>\n'
    )
    return head + "".join(map(_element, drawing.shapes)) + "</svg>\n"


def _element(shape: Box | Words | Picture) -> str:
    if isinstance(shape, Box):
        place = f'x="{shape.x:.2f}" y="{shape.y:.2f}" width="{shape.width:.2f}" height="{shape.height:.2f}"'
        return f'<rect {place} fill="{shape.colour}"/>\n'
    if isinstance(shape, Words):
        style = f'font-size="{shape.size}" text-anchor="{shape.anchor}" fill="#222222"'
        return f'<text x="{shape.x:.2f}" y="{shape.y:.2f}" {style}>{escape(shape.text)}</text>\n'
    width, height = shape.image.size
    place = f'x="{shape.x:.2f}" y="{shape.y:.2f}" width="{width}" height="{height}"'
    return f'<image {place} href="{_data_uri(shape.image)}"/>\n'


def _data_uri(image: Image.Image) -> str:
    buffer = BytesIO()
    image.save(buffer, "PNG")
    return f"data:image/png;base64,{b64encode(buffer.getvalue()).decode()}"


def png(drawing: Drawing) -> bytes:
    """The drawing as PNG, twice as fine as the SVG's units."""
    page = Image.new("RGB", (drawing.width * SCALE, drawing.height * SCALE), "#ffffff")
    pen = ImageDraw.Draw(page)
    for shape in drawing.shapes:
        if isinstance(shape, Box):
            corner = (shape.x + shape.width) * SCALE - 1, (shape.y + max(shape.height, 0.5)) * SCALE - 1
            start = shape.x * SCALE, shape.y * SCALE
            pen.rectangle((*start, max(start[0], corner[0]), max(start[1], corner[1])), fill=shape.colour)
        elif isinstance(shape, Words):
            anchor = {"start": "ls", "middle": "ms", "end": "rs"}[shape.anchor]
            font = ImageFont.load_default(shape.size * SCALE)
            text = normalize("NFKD", shape.text.translate(_PLAIN)).encode("ascii", "ignore").decode()
            pen.text((shape.x * SCALE, shape.y * SCALE), text, "#222222", font, anchor=anchor)
        else:
            size = shape.image.width * SCALE, shape.image.height * SCALE
            page.paste(shape.image.resize(size), (round(shape.x * SCALE), round(shape.y * SCALE)))
    buffer = BytesIO()
    page.save(buffer, "PNG")
    return buffer.getvalue()
