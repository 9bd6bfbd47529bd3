"""Rubrics: what is judged, on which scales, and what the values mean; written in place or in a file of their own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Discriminator, Field, Tag

from seedbed.errors import Problem
from seedbed.graph.contracts import NAME, Issue, Name, Spec, Text
from seedbed.graph.validate import validated
from seedbed.graph.yaml import Document, read_yaml
from seedbed.nodes.judging.scale import Scale, WrittenScale, scale_issues
from seedbed.template.syntax import TemplateSyntaxError
from seedbed.template.text import compile_text

OVERALL = "overall"
"""The criterion of a rubric that is one text."""

_YAML = (".yaml", ".yml")
_TEXT = (".txt", ".md")


class Criterion(Spec):
    """One thing that is judged."""

    asks: Annotated[Text, Field(pattern=r"\S")]
    """What is asked of the text; may be a template."""
    scale: WrittenScale | None = None
    """`1..5`, labels from the worst to the best, or labels with what each is worth. Default: the node's."""
    anchors: dict[str, Text] = {}
    """What values of the scale mean, as far as you want to say it."""
    weight: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    """How much it counts for the overall score."""
    optional: bool = False
    """Whether the judge may say that it does not apply; its score is null then, and counts for nothing."""


def _as_criterion(value: Any) -> Any:
    return {"asks": value} if isinstance(value, str) else value


def _form(value: Any) -> str:
    return "text" if isinstance(value, str) else "criteria"


Criteria = dict[Name, Annotated[Criterion, BeforeValidator(_as_criterion, json_schema_input_type=str | Criterion)]]
Rubric = Annotated[
    Annotated[str, Field(pattern=r"\S"), Tag("text")] | Annotated[Criteria, Field(min_length=1), Tag("criteria")],
    Discriminator(_form),
]
"""Criteria by name; one text, judged as a whole; or a file that holds either."""


def rubric_file(written: Any) -> str | None:
    """The file that a rubric is read from, if it is one."""
    text = written.strip() if isinstance(written, str) else ""
    return text if "\n" not in text and text.endswith((*_YAML, *_TEXT)) else None


class UnusableRubric(Exception):
    """A rubric file that cannot be used: its issues."""

    def __init__(self, issues: list[Issue]) -> None:
        super().__init__(issues)
        self.issues = issues


def load_criteria(written: Any, base: Path) -> Mapping[str, Criterion]:
    """The criteria of a rubric by name. Raises UnusableRubric."""
    if not isinstance(written, str):
        return written  # type: ignore[no-any-return]
    file = rubric_file(written)
    if file is None:
        return {OVERALL: Criterion(asks=written)}
    try:
        text = (base / file).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        fix = f"paths start at the pipeline file's folder, {base}"
        raise UnusableRubric([Issue((), f"the rubric {file} cannot be read: {why}", fix)]) from error
    if file.endswith(_TEXT):
        if not text.strip():
            raise UnusableRubric([Issue((), f"the rubric {file} is empty", "write what makes an answer good")])
        return {OVERALL: Criterion(asks=text.strip())}
    document = read_yaml(text, file)
    criteria = _criteria(document)
    if document.problems:
        raise UnusableRubric([_issue(problem) for problem in document.problems])
    return criteria


def _criteria(document: Document) -> dict[str, Criterion]:
    """The criteria of a rubric file; what is wrong with it is noted in the document."""
    data = document.data
    if not isinstance(data, dict) or not data:
        if not document.problems:
            document.problems.append(document.at((), "a rubric is a map of criteria", "write `name: what is asked`"))
        return {}
    found = {}
    for name, written in data.items():
        if not re.fullmatch(NAME, name):
            fix = "write letters, digits and `_`"
            document.problems.append(document.at_key((name,), f"`{name}` is not a name", fix))
        criterion = validated(Criterion, _as_criterion(written), document, (name,))
        if criterion is not None:
            found[name] = criterion
    return found


def _issue(problem: Problem) -> Issue:
    return Issue((), f"{problem.file}:{problem.line}:{problem.column}: {problem.what}", problem.fix)


def rubric_issues(written: Any, default: Any, base: Path) -> Iterator[Issue]:
    """What is wrong with a rubric; paths start at the rubric where it is written in place."""
    try:
        criteria = load_criteria(written, base)
    except UnusableRubric as error:
        yield from error.issues
        return
    inside = rubric_file(written)
    for name, criterion in criteria.items():
        for issue in scale_issues(default if criterion.scale is None else criterion.scale, criterion.anchors):
            if criterion.scale is None and issue.path == ("scale",):
                continue  # that of the node, which is told once
            what = f"{inside}, {name}: {issue.what}" if inside else issue.what
            yield Issue(() if inside else (name, *issue.path), what, issue.fix)
        if inside:
            try:
                compile_text(criterion.asks)
            except TemplateSyntaxError as error:
                yield Issue((), f"{inside}, {name}: template: {error.what}", error.hint)


class Part:
    """A criterion made ready."""

    def __init__(self, name: str, criterion: Criterion, default: Any) -> None:
        self.name = name
        self.asks = compile_text(criterion.asks)
        self.scale = Scale(default if criterion.scale is None else criterion.scale)
        self.anchors = {value: str(text) for value, text in criterion.anchors.items()}
        self.weight = criterion.weight
        self.optional = criterion.optional
