"""Text in an SVG: escaped, measured without a font, and the style sheet for light and dark pages."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape

from seedbed.graph.draw.colours import DARK, LIGHT, Scheme, colours
from seedbed.graph.draw.words import char_cells

SANS = "-apple-system,BlinkMacSystemFont,'Segoe UI','Noto Sans',Helvetica,Arial,sans-serif"
MONO = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace"

_WIDTHS = {**dict.fromkeys("ijl|!.,:;'", 0.3), **dict.fromkeys('frt()[]-/"` ', 0.4), **dict.fromkeys("mwMW%@", 0.95)}
_REFUSED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""Characters that XML cannot hold."""


def width_of(text: str, size: float, *, mono: bool = False) -> float:
    """About how wide a text is, rather too wide than too narrow: fonts differ between machines."""
    if mono:
        return sum(map(char_cells, text)) * size * 0.61
    wide = sum(1.05 if char_cells(c) == 2 else _WIDTHS.get(c, 0.7 if c.isupper() else 0.59) for c in text)
    return wide * size


def text(x: float, y: float, content: str, style: str) -> str:
    """A line of text; `y` is its base line."""
    return f'<text x="{number(x)}" y="{number(y)}" class="{style}">{escaped(content)}</text>'


def escaped(content: str) -> str:
    """`content` as it may stand in an element or an attribute."""
    return escape(_REFUSED.sub("\N{REPLACEMENT CHARACTER}", content))


def number(value: float) -> str:
    """A coordinate, as short as it can be written."""
    return f"{value:.1f}".removesuffix(".0")


def css_name(type_: str) -> str:
    """The class of a node type."""
    return "type-" + re.sub(r"[^A-Za-z0-9_-]", "-", type_)


_LIGHT = {
    "page": "#ffffff", "panel": "#f8f9fb", "card": "#ffffff", "border": "#d5d9e0", "ink": "#1c2430", "soft": "#5d6878",
    "line": "#8b95a5", "loop": "#8250df", "error": "#cf3a3a", "whole": "#9a6700", "wash": "#fff3d6", "note": "#0969da",
}  # fmt: skip
_DARK = {
    "page": "#0f141b", "panel": "#151b24", "card": "#1b222d", "border": "#333c49", "ink": "#e8ecf2", "soft": "#98a4b5",
    "line": "#6d7889", "loop": "#b58cff", "error": "#ff7b72", "whole": "#e3b341", "wash": "#3a2f12", "note": "#6cb6ff",
}  # fmt: skip


def style_sheet(types: Iterable[str], scope: str) -> str:
    """The style sheet; `scope` is the class of the picture, so that nothing else on a page is touched."""
    kinds = list(types)
    dark = _rules(_DARK, DARK, kinds, scope)
    return (
        f".{scope} text{{font-family:{SANS};font-size:13px}}"
        f".{scope} .name{{font-weight:600;font-size:14px}}.{scope} .title{{font-weight:650;font-size:20px}}"
        f".{scope} .about{{font-size:12px}}.{scope} .mono,.{scope} .label{{font-family:{MONO};font-size:11.5px}}"
        f".{scope} .badge{{font-size:11px;font-weight:600}}.{scope} .note{{font-size:11.5px;font-weight:600}}"
        f".{scope} .mid{{text-anchor:middle}}.{scope} .end{{text-anchor:end}}"
        f".{scope} path{{fill:none;stroke-width:1.6;stroke-linejoin:round}}"
        f".{scope} .error{{stroke-dasharray:5 4}}"
        f"{_rules(_LIGHT, LIGHT, kinds, scope)}@media (prefers-color-scheme:dark){{{dark}}}"
    )


def _rules(look: dict[str, str], scheme: Scheme, types: list[str], scope: str) -> str:
    rules = [
        f".page{{fill:{look['page']}}}", f".panel{{fill:{look['panel']};stroke:{look['border']}}}",
        f".card{{fill:{look['card']};stroke:{look['border']}}}", f"text{{fill:{look['ink']}}}",
        f".about,.mono{{fill:{look['soft']}}}", f".number{{fill:{look['line']}}}", f".note{{fill:{look['note']}}}",
        f"path.line{{stroke:{look['line']}}}", f"path.loop{{stroke:{look['loop']}}}",
        f"path.error{{stroke:{look['error']}}}", f"path.head-line{{fill:{look['line']}}}",
        f"path.head-loop{{fill:{look['loop']}}}", f"path.head-error{{fill:{look['error']}}}",
        f".label{{fill:{look['ink']}}}", f".back{{fill:{look['loop']}}}", f".under{{fill:{look['panel']}}}",
        f".wash{{fill:{look['wash']}}}", f".whole{{fill:{look['whole']}}}",
    ]  # fmt: skip
    for type_ in types:
        fill, line, ink = colours(type_, scheme)
        name = css_name(type_)
        rules += [f".{name}{{fill:{fill};stroke:{line};stroke-width:1.4}}", f".{name}-dot{{fill:{line}}}"]
        rules.append(f".{name}-text{{fill:{ink}}}")
    return "".join(f".{scope} {part}" for rule in rules for part in _each(rule))


def _each(rule: str) -> Iterable[str]:
    """A rule with several selectors as several rules, so that each can be scoped."""
    selectors, _, body = rule.partition("{")
    return [f"{selector}{{{body}" for selector in selectors.split(",")]
