"""Passages out of documents: a topic of the Python manual that comes with every Python, or a text of your own."""

import re
from collections.abc import Iterator
from pydoc_data.topics import topics

SHORTEST, LONGEST = 300, 900  # characters of a passage
UNDERLINE = re.compile(r"[*=\-~^]{3,}")


def passages(topic: str | None = None, text: str | None = None, path: str = "") -> list[dict[str, str]]:
    """The passages of a topic ("exceptions"), or of a text, each with the heading it stands under."""
    if text is None:
        if topic not in topics:
            raise ValueError(f"the Python manual has no topic {topic!r}; it has {', '.join(sorted(topics))}")
        text, path = topics[topic], "the Python manual"
    return [
        {"title": title, "passage": passage, "document": path}
        for title, paragraphs in sections(text)
        for passage in joined(paragraphs)
    ]


def sections(text: str) -> Iterator[tuple[str, list[str]]]:
    """Headings, each with the paragraphs of prose under it; lists, tables and code are left out."""
    title, prose = "", []
    for block in re.split(r"\n\s*\n", text):
        lines = block.strip("\n").splitlines()
        if len(lines) == 2 and UNDERLINE.fullmatch(lines[1]):
            yield title, prose
            title, prose = lines[0], []
        elif lines and re.match(r"#+ ", lines[0]):
            yield title, prose
            title, prose = lines[0].lstrip("# "), []
        elif is_prose(block):
            prose.append(tidy(block))
    yield title, prose


def is_prose(block: str) -> bool:
    """Whether a block is plain sentences."""
    letters = sum(letter.isalpha() or letter.isspace() for letter in block)
    return (
        block[:1].isupper()
        and "\n " not in block
        and block.rstrip().endswith(".")
        and letters > 0.88 * len(block)
        and '""' not in block
        and not re.match(r"(Changed|New) in version|See also|Note:|CPython", block)
    )


def tidy(block: str) -> str:
    """One line, with code in backticks, and without emphasis and footnote marks."""
    line = re.sub(r" \[\d+\]", "", re.sub(r"\s+", " ", block))
    pieces = re.split(r'[“‘]?"([^"]+)"[”’]?', line)
    pieces[::2] = [re.sub(r"(?<![\w*])\*{1,2}([^*]+)\*{1,2}(?![\w*])", r"\1", prose) for prose in pieces[::2]]
    pieces[1::2] = [f"`{code}`" for code in pieces[1::2]]
    return "".join(pieces)


def joined(paragraphs: list[str]) -> Iterator[str]:
    """Neighbouring paragraphs put together until they are long enough."""
    passage = ""
    for paragraph in paragraphs:
        if len(passage) + len(paragraph) > LONGEST:
            passage = ""
        passage = f"{passage}\n\n{paragraph}" if passage else paragraph
        if SHORTEST <= len(passage) <= LONGEST:
            yield passage
            passage = ""
