"""Small line charts over time, as self-contained SVG."""

import html
from collections.abc import Sequence

Values = Sequence[float | None]

WIDTH, HEIGHT, EDGE = 600, 120, 8
INK, PALE = "#0969da", "#8c959f"


def course(
    keys: Sequence[str],
    lines: Sequence[tuple[str, str, Values]],
    *,
    marks: Sequence[str | None] = (),
    band: tuple[Values, Values] = ((), ()),
    shown: str = "{:.1%}",
    title: str,
) -> str:
    """Draw lines over partitions.

    The lowest and the highest value are in the caption, because text within a drawing shrinks with it.

    Args:
        keys: the partitions.
        lines: each a name, a colour, and a value for every partition.
        marks: for every partition the colour of a dot on the first line.
        band: for every partition the bounds of a shaded area.
        shown: how a value is written.
    """
    drawn_values = [*(values for _, _, values in lines), *band]
    known = [value for values in drawn_values for value in values if value is not None]
    if not known:
        return ""
    low, high = min(known), max(known)
    room = (high - low) or max(abs(high), 1e-6) * 0.1
    drawn = _area(*band, low, room) + "".join(
        f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{piece}">'
        f"<title>{html.escape(name)}</title></polyline>"
        for name, colour, values in lines
        for piece in _pieces(values, low, room)
    )
    dots = "".join(
        f'<circle cx="{_x(place, len(keys)):.1f}" cy="{_y(value, low, room):.1f}" r="4" fill="{mark}">'
        f"<title>{html.escape(keys[place])}: {shown.format(value)}</title></circle>"
        for place, (mark, value) in enumerate(zip(marks, lines[0][2], strict=False))
        if mark and value is not None
    )
    ends = f"{html.escape(keys[0])} to {html.escape(keys[-1])}, between {shown.format(low)} and {shown.format(high)}"
    legend = " · ".join(f'<span style="color:{colour}">{html.escape(name)}</span>' for name, colour, _ in lines)
    return (
        f'<figure style="margin:1em 0"><figcaption>{html.escape(title)}: {legend} '
        f'<span style="color:#57606a">({ends})</span></figcaption>'
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{html.escape(title)}" '
        f'style="width:100%;max-width:{WIDTH}px;background:#f6f8fa">{drawn}{dots}</svg></figure>'
    )


def reliability(points: Sequence[tuple[int, float, float]], *, title: str) -> str:
    """Draw a reliability diagram: share of labels over mean score.

    The diagonal is perfect calibration.

    Args:
        points: of each group of rows, how many, the mean score, and the share of labels.
    """
    size, room = 240, max(0.01, *(max(score, rate) for _, score, rate in points)) * 1.1
    most = max(rows for rows, _, _ in points)

    def at(value: float) -> float:
        return EDGE + (size - 2 * EDGE) * min(1.0, max(0.0, value / room))

    bars, dots = [], []
    for rows, score, rate in points:
        by = 1.96 * (max(rate * (1 - rate), 1e-9) / rows) ** 0.5
        x, y, low, high = at(score), size - at(rate), size - at(rate - by), size - at(rate + by)
        bars.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{low:.1f}" y2="{high:.1f}" stroke="{PALE}"/>')
        radius = 2 + 3 * (rows / most) ** 0.5
        tip = f"{rows:,} rows, mean score {score:.2%}, share of labels {rate:.2%}"
        dots.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="{INK}"><title>{tip}</title></circle>')
    line = " ".join(f"{at(score):.1f},{size - at(rate):.1f}" for _, score, rate in points)
    return (
        f'<figure style="margin:1em 0"><figcaption>{html.escape(title)} '
        f'<span style="color:#57606a">(dashed: perfect calibration; to {room:.1%} both ways)</span></figcaption>'
        f'<svg viewBox="0 0 {size} {size}" role="img" aria-label="{html.escape(title)}" '
        f'style="width:100%;max-width:{size * 1.4:.0f}px;background:#f6f8fa">'
        f'<line x1="{EDGE}" y1="{size - EDGE}" x2="{size - EDGE}" y2="{EDGE}" stroke="{PALE}" stroke-dasharray="4"/>'
        f'{"".join(bars)}<polyline fill="none" stroke="{INK}" points="{line}"/>{"".join(dots)}</svg></figure>'
    )


def sparks(lines: Sequence[tuple[str, Values]]) -> str:
    """Draw word-sized lines on one scale."""
    known = [value for _, values in lines for value in values if value is not None]
    if len(known) < 2:
        return ""
    low, room = min(known), (max(known) - min(known)) or 1.0
    drawn = "".join(
        f'<polyline fill="none" stroke="{colour}" points="'
        + " ".join(
            f"{place * 80 / max(1, len(values) - 1):.1f},{19 - 18 * (value - low) / room:.1f}"
            for place, value in enumerate(values)
            if value is not None
        )
        + '"/>'
        for colour, values in lines
    )
    return f'<svg viewBox="0 0 80 20" width="80" height="20" aria-hidden="true">{drawn}</svg>'


def spark(values: Sequence[float]) -> str:
    """Draw a word-sized line around zero."""
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


def _area(lows: Values, highs: Values, low: float, room: float) -> str:
    """Draw the area between bounds, with gaps."""
    count = len(lows)
    areas: list[list[int]] = [[]]
    for place, value in enumerate(lows):
        if value is None:
            areas.append([])
        else:
            areas[-1].append(place)
    drawn = []
    for places in [own for own in areas if own]:
        both = [*((place, highs[place]) for place in places), *((place, lows[place]) for place in reversed(places))]
        points = " ".join(f"{_x(place, count):.1f},{_y(value or 0.0, low, room):.1f}" for place, value in both)
        drawn.append(f'<polygon points="{points}" fill="{PALE}" fill-opacity=".25"/>')
    return "".join(drawn)


def _pieces(values: Values, low: float, room: float) -> list[str]:
    """Return the line's points, split at gaps."""
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
