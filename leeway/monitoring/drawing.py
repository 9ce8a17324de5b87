"""Small drawings of courses over time, as SVG that needs nothing else."""

import html
from collections.abc import Sequence

Values = Sequence[float | None]

WIDTH, HEIGHT, EDGE = 600, 120, 8
INK, PALE = "#0969da", "#8c959f"


def course(
    keys: Sequence[str], lines: Sequence[tuple[str, str, Values]], *, marks: Sequence[str | None] = (), title: str
) -> str:
    """Lines over partitions, with the lowest and the highest value written at the edge.

    Args:
        keys: the partitions.
        lines: each a name, a colour, and a value for every partition.
        marks: for every partition the colour of a dot on the first line.
    """
    known = [value for _, _, values in lines for value in values if value is not None]
    if not known:
        return ""
    low, high = min(known), max(known)
    room = (high - low) or max(abs(high), 1e-6) * 0.1
    drawn = "".join(
        f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{piece}">'
        f"<title>{html.escape(name)}</title></polyline>"
        for name, colour, values in lines
        for piece in _pieces(values, low, room)
    )
    dots = "".join(
        f'<circle cx="{_x(place, len(keys)):.1f}" cy="{_y(value, low, room):.1f}" r="4" fill="{mark}">'
        f"<title>{html.escape(keys[place])}: {value:.2%}</title></circle>"
        for place, (mark, value) in enumerate(zip(marks, lines[0][2], strict=False))
        if mark and value is not None
    )
    texts = "".join(
        f'<text x="{WIDTH - EDGE}" y="{_y(value, low, room) + shift:.0f}" text-anchor="end" font-size="12" fill="#57606a">'
        f"{value:.1%}</text>"
        for value, shift in ((low, -3), (high, 12))
    )
    ends = f"{html.escape(keys[0])} to {html.escape(keys[-1])}"
    legend = " · ".join(f'<span style="color:{colour}">{html.escape(name)}</span>' for name, colour, _ in lines)
    return (
        f'<figure style="margin:1em 0"><figcaption>{html.escape(title)}: {legend} '
        f'<span style="color:#57606a">({ends})</span></figcaption>'
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{html.escape(title)}" '
        f'style="width:100%;max-width:{WIDTH}px;background:#f6f8fa">{drawn}{dots}{texts}</svg></figure>'
    )


def spark(values: Sequence[float]) -> str:
    """A line the size of a word, around zero."""
    if len(values) < 2:
        return ""
    most = max(map(abs, values)) or 1.0
    points = " ".join(
        f"{place * 80 / (len(values) - 1):.1f},{10 - 9 * value / most:.1f}" for place, value in enumerate(values)
    )
    return (
        '<svg viewBox="0 0 80 20" width="80" height="20" aria-hidden="true"><line x1="0" x2="80" y1="10" y2="10" '
        f'stroke="#d0d7de"/><polyline fill="none" stroke="{INK}" points="{points}"/></svg>'
    )


def _pieces(values: Values, low: float, room: float) -> list[str]:
    """The line without the partitions that have no value."""
    pieces: list[list[str]] = [[]]
    for place, value in enumerate(values):
        if value is None:
            pieces.append([])
        else:
            pieces[-1].append(f"{_x(place, len(values)):.1f},{_y(value, low, room):.1f}")
    return [" ".join(piece if len(piece) > 1 else piece * 2) for piece in pieces if piece]


def _x(place: int, count: int) -> float:
    return EDGE + place * (WIDTH - 2 * EDGE) / max(1, count - 1)


def _y(value: float, low: float, room: float) -> float:
    return HEIGHT - EDGE - (value - low) / room * (HEIGHT - 2 * EDGE)
