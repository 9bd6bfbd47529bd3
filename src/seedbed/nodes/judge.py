"""The `judge` node: a model, or a jury of several, scores a text by a rubric or says which of two is better."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field

from seedbed.errors import InputError, NodeError
from seedbed.graph.contracts import Context, Issue, ModelName, Name, Node, NodeCall, Read, Visit, given, not_both
from seedbed.nodes.judging.asking import Seat
from seedbed.nodes.judging.combine import Way
from seedbed.nodes.judging.pairwise import comparer
from seedbed.nodes.judging.pointwise import Settings, scorer
from seedbed.nodes.judging.rubric import Part, Rubric, UnusableRubric, load_criteria, rubric_file, rubric_issues
from seedbed.nodes.judging.scale import WrittenScale, scale_issues
from seedbed.nodes.subject import Look, compile_subject, read_subject
from seedbed.template.operations import to_text
from seedbed.template.text import compile_text

__all__ = ["JudgeNode"]

Template = Annotated[str, Field(pattern=r"\S")]

_TEMPLATES = ("question", "answer", "a", "b", "reference", "instructions")
_OTHERS_DECIDE = ("model", "messages", "n", "stream", "response_format", "logprobs")


class JudgeNode(Node):
    """Judges a text by a rubric, with a reason before each score; or compares two texts, in both orders.

    ```yaml
    verdict:
      type: judge
      model: [strict, kind]
      question: "{{ question }}"
      answer: "{{ answer }}"
      rubric:
        correct: {asks: Is every statement true?, scale: 1..5, anchors: {1: mostly wrong, 5: all true}, weight: 2}
        clear: Would a beginner understand it?
    better: {type: judge, model: strict, question: "{{ question }}", a: "{{ first }}", b: "{{ second }}"}
    ```

    A score writes `{score, how, scores: {criterion: {score, reason}}, reason, models, disagreement}`; `how` says how
    the overall score is made. With several verdicts, `verdicts` keeps each, and each criterion has the `spread` of its
    scores and the `share` that is not the commonest. A comparison writes `{winner, score, reason, verdicts, models,
    disagreement}`: `winner` is `a`, `b` or `tie`; `a` wins where more than half of the judges prefer it in both orders.

    A reply beyond the scale is refused and asked again. A judge that fails is a failure of the record (`on_error`), and
    never a score. What is judged stands between tags that it cannot close, and is not listened to.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [given("of"), given("answer"), {"allOf": [given("a"), given("b")]}],
            "allOf": [not_both("of", "question"), {"anyOf": [given("rubric"), given("a")]}],
            "dependentRequired": {"a": ["b"], "b": ["a"]},
        }
    )
    asynchronous: ClassVar[bool] = True

    type: Literal["judge"] = "judge"
    model: ModelName | Annotated[list[ModelName], Field(min_length=1)]
    """The model that judges, or a list of several: a jury."""
    of: Annotated[str, Field(min_length=1)] | Annotated[list[Name], Field(min_length=1)] | None = None
    """What is judged: an expression, mostly a field; a text with templates; or a list of fields."""
    question: Template | None = None
    """What was asked, a template; goes with `answer`, or with `a` and `b`."""
    answer: Template | None = None
    """The answer that is judged, a template."""
    a: Template | None = None
    """The one text of a comparison, a template."""
    b: Template | None = None
    """The other."""
    reference: Template | None = None
    """A correct answer to judge by, a template."""
    rubric: Rubric | None = None
    """Criteria by name, each a text or `{asks, scale, anchors, weight, optional}`; one text, judged as `overall`; or
    the file of either: `./rubric.yaml`, `./rubric.md`. A comparison needs none."""
    scale: WrittenScale = "1..5"
    """The scale of criteria that have none of their own: `0..10`; labels from the worst to the best; or labels with
    what each is worth."""
    instructions: Template | None = None
    """Further words to the judge, such as who it is and for whom the text is; a template."""
    samples: int = Field(default=1, ge=1)
    """How many verdicts each model gives."""
    combine: Way | None = None
    """How several verdicts become one: `mean`, `median`, `majority` (of two as common, the lower), `min` or `max`.
    Default: the mean, and the majority for labels without numbers."""
    overall: Literal["mean", "min"] = "mean"
    """How the criteria become one score: by their weighted mean, or by the lowest."""
    quorum: int | None = Field(default=None, ge=1)
    """How many verdicts are enough where some judges fail. Default: all are needed."""
    separate: bool = False
    """Whether each criterion is asked on its own, so that one does not colour the other."""
    logprobs: bool = False
    """Whether the score is asked for as one token, after the reason, and its expected value is taken from the token's
    probabilities, where the endpoint gives them. Two calls for each criterion."""
    params: dict[str, Any] = Field(
        default_factory=dict, json_schema_extra={"propertyNames": {"not": {"enum": list(_OTHERS_DECIDE)}}}
    )
    """Sampling parameters of this node's calls, over the model's own."""

    @property
    def _names(self) -> list[str]:
        return [self.model] if isinstance(self.model, str) else self.model

    @property
    def _pairwise(self) -> bool:
        return self.a is not None and self.b is not None

    def reads(self) -> Iterator[Read]:
        yield from super().reads()
        if isinstance(self.of, str):
            yield read_subject(self.of, ("of",))
        for i, name in enumerate(self.of if isinstance(self.of, list) else ()):
            yield Read("field", name, ("of", i))
        for key in _TEMPLATES:
            if getattr(self, key) is not None:
                yield Read("template", getattr(self, key), (key,))
        try:
            criteria = load_criteria(self.rubric, self.base) if self.rubric is not None else {}
        except UnusableRubric:
            return  # `check` says what is wrong
        for name, criterion in criteria.items():
            yield Read("template", criterion.asks, ("rubric", name, "asks"))

    def models(self) -> list[tuple[str, tuple[str | int, ...]]]:
        if isinstance(self.model, str):
            return [(self.model, ("model",))]
        return [(name, ("model", i)) for i, name in enumerate(self.model)]

    def files(self) -> list[str]:
        file = rubric_file(self.rubric)
        return [file] if file else []

    def check(self, base: Path) -> Iterator[Issue]:
        yield from self._check_subject()
        yield from scale_issues(self.scale, {})
        if self.rubric is not None:
            for issue in rubric_issues(self.rubric, self.scale, base):
                yield Issue(("rubric", *issue.path), issue.what, issue.fix)
        elif not self._pairwise:
            yield Issue((), "`rubric` is missing", "say what makes a good answer: `rubric: {correct: Is it true?}`")
        yield from self._check_jury(base)
        for key in self.params:
            if key in _OTHERS_DECIDE:
                yield Issue(("params", key), f"`{key}` is decided by the node itself", "leave it out")
        if self._pairwise:
            for key in ("logprobs", "separate", "combine"):
                if key in self.model_fields_set and getattr(self, key):
                    yield Issue((key,), f"`{key}` is for scores, and this compares two texts", "leave it out")

    def _check_subject(self) -> Iterator[Issue]:
        there = [key for key in ("of", "answer", "a") if getattr(self, key) is not None]
        if (self.a is None) != (self.b is None):
            missing = "b" if self.b is None else "a"
            yield Issue((), f"`{missing}` is missing", "a comparison is of two texts, `a` and `b`")
        elif not there:
            yield Issue((), "it does not say what to judge", "write `of:`, `answer:`, or `a:` and `b:`")
        elif len(there) > 1:
            yield Issue((there[1],), f"`{there[0]}` and `{there[1]}` are both to be judged", "leave one of them out")
        elif there == ["of"] and self.question is not None:
            yield Issue(("question",), "`question` goes with `answer`", "write `answer:` in place of `of:`")

    def _check_jury(self, base: Path) -> Iterator[Issue]:
        for i, name in enumerate(self._names):
            if name in self._names[:i]:
                yield Issue(("model", i), f"`{name}` is on the jury twice", "write `samples: 2` for several verdicts")
        seats = len(self._names) * self.samples
        if self.quorum is not None and self.quorum > seats:
            yield Issue(("quorum",), f"there are {seats} verdicts at most", f"write at most {seats}")
        if self.samples > 1 and self.params.get("temperature") == 0:
            fix = "raise the temperature, or leave out `samples`"
            yield Issue(("samples",), "at temperature 0 all samples are one", fix)
        if seats > 1 and self.combine == "mean":
            try:
                criteria = load_criteria(self.rubric or {}, base)
            except UnusableRubric:
                return
            for name, criterion in criteria.items():
                if isinstance(self.scale if criterion.scale is None else criterion.scale, list):
                    fix = "write `combine: majority` or `median`, or say what labels are worth: `{no: 0, yes: 1}`"
                    yield Issue(("combine",), f"the labels of `{name}` have no mean", fix)

    def prepare(self, context: Context) -> NodeCall:
        try:
            criteria = load_criteria(self.rubric, context.base) if self.rubric is not None else {}
        except UnusableRubric as error:
            raise InputError(error.issues[0].what, hint=error.issues[0].fix) from error
        parts = [Part(name, criterion, self.scale) for name, criterion in criteria.items()]
        seats = [Seat(context.model(name), i) for name in self._names for i in range(self.samples)]
        return self._comparing(parts, seats) if self._pairwise else self._scoring(parts, seats)

    def _scoring(self, parts: list[Part], seats: list[Seat]) -> NodeCall:
        quorum = self.quorum or len(seats)
        settings = Settings(
            self.params, self.separate, self.logprobs, self.combine, self.overall, quorum, self.reference is not None
        )
        score = scorer(parts, seats, settings)
        around = [self._text(key) for key in ("question", "reference", "instructions")]
        subject = self._subject()

        async def call(visit: Visit) -> dict[str, Any]:
            question, reference, instructions = (text(visit) for text in around)
            pieces = [("question", question), ("reference", reference), *subject(visit)]
            return await score([piece for piece in pieces if piece[1]], instructions, visit.scope, visit)

        return call

    def _comparing(self, parts: list[Part], seats: list[Seat]) -> NodeCall:
        compare = comparer(parts, seats, self.params, self.quorum or len(seats), compares=self.reference is not None)
        texts = [self._text(key) for key in ("question", "reference", "instructions", "a", "b")]

        async def call(visit: Visit) -> dict[str, Any]:
            question, reference, instructions, a, b = (text(visit) for text in texts)
            for name, text in (("a", a), ("b", b)):
                if not text.strip():
                    raise _nothing(name)
            context = [piece for piece in (("question", question), ("reference", reference)) if piece[1]]
            return await compare(context, a, b, instructions, visit.scope, visit)

        return call

    def _text(self, key: str) -> Callable[[Visit], str]:
        """The text of one of the templates for a record; empty where it is not written."""
        written = getattr(self, key)
        if written is None:
            return lambda visit: ""
        text = compile_text(written)
        return lambda visit: text.render(visit.scope)

    def _subject(self) -> Callable[[Visit], list[tuple[str, str]]]:
        """The function that gives what is judged, by the names it is shown under."""
        looks: list[tuple[str, Look]]
        if self.answer is not None:
            looks = [("answer", compile_text(self.answer).render)]
        elif isinstance(self.of, list):
            looks = [(name, compile_subject(name)) for name in self.of]
        else:
            assert self.of is not None, "checked at load"
            looks = [("text", compile_subject(self.of))]

        def subject(visit: Visit) -> list[tuple[str, str]]:
            values = [(name, look(visit.scope)) for name, look in looks]
            found = [(name, value if isinstance(value, str) else to_text(value)) for name, value in values]
            if not any(text.strip() for _, text in found):
                raise _nothing("answer" if self.answer is not None else "of")
            return found

        return subject


def _nothing(key: str) -> NodeError:
    return NodeError(f"there is nothing to judge: `{key}` is empty", hint="skip such records with `when:`")
