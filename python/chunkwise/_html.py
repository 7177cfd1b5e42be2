"""Arrays in notebooks."""

from __future__ import annotations

from html import escape
from typing import Any

from ._session import _bytes


def array(x: Any) -> str:
    """A table of what an array is, and a drawing of its last two axes with the chunks."""
    if not x._h.is_array:
        return f"<pre>{escape(repr(x))}</pre>"
    stored = x._h.chunks is not None
    rows = [
        ("dtype", str(x.dtype)),
        ("shape", str(x.shape)),
        ("bytes", _bytes(x.nbytes)),
    ]
    if stored:
        rows += [("chunks", f"{x.npartitions} of {x.chunksize}")]
    made = x._h.describe().split("\n", 1)
    if len(made) > 1:
        rows += [("made by", made[1].strip().splitlines()[0])]
    table = "".join(f"<tr><th style='text-align:left'>{n}</th><td>{escape(v)}</td></tr>" for n, v in rows)
    return f"<table><tr><td><table>{table}</table></td><td>{_drawing(x)}</td></tr></table>"


def _drawing(x: Any) -> str:
    if x.ndim == 0 or 0 in x.shape:
        return ""
    lengths = x.chunks[-2:] if x.ndim > 1 else ((1,), *x.chunks)
    sizes = [sum(c) for c in lengths]
    longest = max(sizes)
    height, width = (max(12.0, 120.0 * s / longest) for s in sizes)
    lines = []
    for d, (cuts, total) in enumerate(zip(lengths, sizes, strict=True)):
        at = 0
        step = max(1, len(cuts) // 40)
        for i, n in enumerate(cuts[:-1]):
            at += n
            if i % step:
                continue
            p = at / total * (height if d == 0 else width)
            lines.append(f"M0 {p:.1f}H{width:.1f}" if d == 0 else f"M{p:.1f} 0V{height:.1f}")
    return (
        f"<svg width='{width + 2:.0f}' height='{height + 2:.0f}' viewBox='-1 -1 {width + 2:.1f} {height + 2:.1f}'>"
        f"<rect width='{width:.1f}' height='{height:.1f}' fill='#d9e6f2' stroke='#33506b'/>"
        f"<path d='{''.join(lines)}' stroke='#33506b' stroke-width='0.5'/></svg>"
    )
