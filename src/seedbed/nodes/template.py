"""`type: template`: a text from other fields."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from seedbed.graph.contracts import Context, Node, NodeCall, Read
from seedbed.template.text import compile_text

__all__ = ["TemplateNode"]


class TemplateNode(Node):
    """Writes a text with its holes filled.

    ```yaml
    letter: {type: template, template: "Dear {{ name }},\\n\\n{{ body }}"}
    ```
    """

    type: Literal["template"] = "template"
    template: str
    """The text; `{{ … }}` is filled from fields."""

    def reads(self) -> Iterator[Read]:
        yield from super().reads()
        yield Read("template", self.template, ("template",))

    def prepare(self, context: Context) -> NodeCall:
        text = compile_text(self.template)
        return lambda visit: text.render(visit.scope)
