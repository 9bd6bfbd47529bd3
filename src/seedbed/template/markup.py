"""Filters for text that goes into web pages and addresses."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from seedbed.template.operations import fit, to_text

_TAGS = re.compile(r"<!--.*?-->|<[^>]*>", re.DOTALL)


def escape(value: Any) -> str:
    """`<` as `&lt;`, and so on."""
    text = html.escape(to_text(value)).replace("/", "&#x2f;")
    fit(len(text))
    return text


def strip_tags(value: Any) -> str:
    """Text without tags and comments, runs of white space as one space, `&amp;` as `&`."""
    return html.unescape(" ".join(_TAGS.sub("", to_text(value)).split()))


def url_encode(value: Any) -> str:
    """Text as part of an address; a map as `key=value` pairs, those without a value left out."""
    if isinstance(value, Mapping):
        pairs = ((key, item) for key, item in value.items() if item is not None)
        return "&".join(f"{quote(key, safe='')}={quote(to_text(item), safe='/')}" for key, item in pairs)
    text = quote(to_text(value), safe="/")
    fit(len(text))
    return text
