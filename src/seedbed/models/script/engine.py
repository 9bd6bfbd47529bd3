"""Rules at work: from a request to an answer, in microseconds.

Answers depend on the request and on how often it (or its rule) was asked, never on the clock. Knows nothing of HTTP.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from fnmatch import translate
from hashlib import blake2b
from random import Random
from typing import Any

import msgspec

from seedbed.models.contract import FinishReason, ToolCall, Usage
from seedbed.models.script.exchange import Answer, Asked, call_id, tokens
from seedbed.models.script.made_up import answer_logprobs, answer_text
from seedbed.models.script.rules import Fault, LatencySpec, Rule, Rules
from seedbed.models.script.text import Fill, Templates

_encode = msgspec.json.encode
_NOTHING: dict[str | int, str] = {}


class Script:
    """Compiled rules with their counters. Not safe for several threads at once."""

    def __init__(self, rules: Rules) -> None:
        self._rules = [_Compiled(number, rule, rules) for number, rule in enumerate(rules.rules, 1)]
        self._latency = latency(rules.latency, Random(rules.seed))

    def answer(self, asked: Asked) -> Answer:
        """The answer of the first rule that matches, or a made-up one. Raises TemplateError."""
        fault: Fault | None = None
        for rule in self._rules:
            found = rule.match(asked)
            if found is None:
                continue
            rule.count(asked)
            fault = rule.fault(asked)
            if rule.answers:
                answer = rule.answer(asked, found)
                break
            if fault is not None:
                answer = self._made_up(asked)
                answer.rule = rule.number
                break
        else:
            answer = self._made_up(asked)
        return answer if fault is None else _failed(answer, fault)

    def _made_up(self, asked: Asked) -> Answer:
        texts = [answer_text(asked, i) for i in range(asked.count)] if asked.count > 1 else [answer_text(asked)]
        answer = Answer(texts, Usage(tokens(asked.text), sum(map(tokens, texts))), latency=self._latency())
        if asked.params.get("logprobs"):
            answer.logprobs = answer_logprobs(texts[0], asked.dice, _top(asked))
        return answer


def latency(spec: LatencySpec | None, random: Random) -> Callable[[], float]:
    """A function that draws the seconds of one answer."""
    if spec is None:
        return float
    if spec.uniform is not None:
        low, high = spec.uniform
        return lambda: random.uniform(low, high)
    if spec.mean is not None:
        mean, std = spec.mean, spec.std or 0.0
        return lambda: max(0.0, random.gauss(mean, std))
    seconds = spec.seconds or 0.0
    return lambda: seconds


def _failed(answer: Answer, fault: Fault) -> Answer:
    if fault.kind == "empty":
        answer.texts = [""] * len(answer.texts)
        answer.tool_calls = answer.logprobs = None
        answer.usage = Usage(answer.usage.input, 0, answer.usage.cached_input)
    elif fault.kind == "cut":
        answer.texts = [text[: len(text) // 2] for text in answer.texts]
        answer.finish_reason = "length"
    else:
        answer.fault = fault
    return answer


def _top(asked: Asked) -> int:
    top = asked.params.get("top_logprobs")
    return top if isinstance(top, int) else 0


class _Compiled:
    """One rule, ready to match and to answer."""

    def __init__(self, number: int, rule: Rule, rules: Rules) -> None:
        self.number = number
        self.rule = rule
        self.answers = rule.answers
        self._seed = rules.seed
        self._model = re.compile(translate(rule.model)).match if rule.model is not None else None
        self._matches = re.compile(rule.matches).search if rule.matches is not None else None
        self._faults = rule.fail or []
        self._latency = latency(rule.latency or rules.latency, Random(rules.seed + number))
        templates = Templates()
        where = f"rule {number}"
        self._texts = _texts(rule, templates, where)
        self._reasoning = templates.text(rule.reasoning, f"{where}, reasoning") if rule.reasoning else None
        self._calls = [
            (call.name, templates.value(call.arguments, f"{where}, arguments")) for call in rule.tool_calls or ()
        ]
        self._names = templates.names
        self._usage = rule.usage.usage() if rule.usage is not None else None
        self._finish: FinishReason = rule.finish_reason or ("tool_calls" if rule.tool_calls else "stop")
        self._by_prompt = (
            bool(self._names & {"asked", "random"})
            or (len(self._texts) > 1 and rule.per_prompt)
            or any(fault.per_prompt or fault.rate is not None for fault in self._faults)
        )
        self._hits = 0
        self._asked: dict[bytes, int] = {}
        self._turn = 1

    def match(self, asked: Asked) -> dict[str | int, str] | None:
        """The groups of `matches` ({} without it), or None where the rule is not for this request."""
        rule = self.rule
        if rule.wants is not None and rule.wants != asked.wants:
            return None
        if self._model is not None and not self._model(asked.model):
            return None
        if rule.system is not None and rule.system not in asked.said_by("system"):
            return None
        text = asked.text if rule.role == "any" else asked.said_by(rule.role)
        if rule.contains is not None:
            for part in rule.contains:
                if part not in text:
                    return None
        if rule.contains_any is not None and not any(part in text for part in rule.contains_any):
            return None
        if self._matches is None:
            return _NOTHING
        found = self._matches(text)
        if found is None:
            return None
        groups: dict[str | int, str] = {i: part or "" for i, part in enumerate((found[0], *found.groups()))}
        groups.update((name, part or "") for name, part in found.groupdict().items())
        return groups

    def count(self, asked: Asked) -> None:
        """Counts a matching request."""
        self._hits += 1
        if self._by_prompt:
            key = asked.digest
            self._turn = self._asked[key] = self._asked.get(key, 0) + 1

    def fault(self, asked: Asked) -> Fault | None:
        """The first failure that is due for the request just counted."""
        for fault in self._faults:
            turn = (self._turn if fault.per_prompt else self._hits) - fault.after
            if turn < 1 or (fault.times is not None and turn > fault.times):
                continue
            if fault.every is not None and turn % fault.every:
                continue
            if fault.rate is not None and self._draw(asked, "fail") >= fault.rate:
                continue
            return fault
        return None

    def answer(self, asked: Asked, found: dict[str | int, str]) -> Answer:
        """The answer to the request just counted."""
        texts = []
        scope: dict[str, Any] = {}
        for choice in range(asked.count):
            scope = self._scope(asked, found, choice) if self._names else scope
            texts.append(self._text(asked, scope, choice))
        usage = self._usage or Usage(tokens(asked.text), sum(map(tokens, texts)))
        answer = Answer(texts, usage, self._finish, latency=self._latency(), rule=self.number)
        if self._reasoning is not None:
            answer.reasoning = self._reasoning if isinstance(self._reasoning, str) else self._reasoning(scope)
        if self._calls:
            filled = [(name, call(scope) if callable(call) else call) for name, call in self._calls]
            answer.tool_calls = [
                ToolCall(call_id(asked, i), name, value if isinstance(value, str) else _encode(value).decode())
                for i, (name, value) in enumerate(filled)
            ]
        if isinstance(self.rule.logprobs, list):
            answer.logprobs = self.rule.logprobs
        elif self.rule.logprobs is not None or asked.params.get("logprobs"):
            answer.logprobs = answer_logprobs(texts[0], asked.dice, _top(asked))
            if isinstance(self.rule.logprobs, dict) and answer.logprobs:
                answer.logprobs[0] |= _first_token(self.rule.logprobs)
        return answer

    def _text(self, asked: Asked, scope: dict[str, Any], choice: int) -> str:
        if self.rule.echo:
            return asked.prompt
        if not self._texts:
            return ""
        turn = (self._turn if self._by_prompt and self.rule.per_prompt else self._hits) - 1
        source = self._texts[(turn * asked.count + choice) % len(self._texts)]
        return source if isinstance(source, str) else str(source(scope))

    def _scope(self, asked: Asked, found: dict[str | int, str], choice: int) -> dict[str, Any]:
        """What the rule's templates read, and nothing else, since some of it costs time."""
        scope: dict[str, Any] = {}
        for name in self._names:
            if name == "prompt":
                scope[name] = asked.prompt
            elif name == "match":
                scope[name] = found
            elif name == "system":
                scope[name] = asked.said_by("system")
            elif name == "messages":
                scope[name] = asked.messages
            elif name == "model":
                scope[name] = asked.model
            elif name == "n":
                scope[name] = self._hits
            elif name == "asked":
                scope[name] = self._turn
            elif name == "choice":
                scope[name] = choice
            elif name == "random":
                scope[name] = self._draw(asked, f"random {choice}")
        return scope

    def _draw(self, asked: Asked, what: str) -> float:
        """A number from 0 to 1 that depends on seed, prompt, and the attempt's draw or how often it was asked."""
        which = self._turn if asked.draw is None else asked.draw
        text = b"%d %d %d " % (self._seed, self.number, which)
        hashed = blake2b(text + what.encode() + asked.digest, digest_size=8).digest()
        return int.from_bytes(hashed, "big") / 2**64


def _texts(rule: Rule, templates: Templates, where: str) -> list[Fill | str]:
    """The texts that a rule answers with in turn, compiled."""
    if rule.reply is not None:
        return [templates.text(rule.reply, f"{where}, reply")]
    if "json_value" in rule.model_fields_set:
        return [_json(rule.json_value, templates, f"{where}, json")]
    return [
        templates.text(item, f"{where}, replies[{i}]")
        if isinstance(item, str)
        else _json(item, templates, f"{where}, replies[{i}]")
        for i, item in enumerate(rule.replies or ())
    ]


def _json(value: Any, templates: Templates, where: str) -> Fill | str:
    filled = templates.value(value, where)
    if callable(filled):
        fill: Fill = filled
        return lambda scope: _encode(fill(scope)).decode()
    return _encode(filled).decode()


def _first_token(probabilities: dict[str, float]) -> dict[str, Any]:
    """A token object in which these tokens have these probabilities, the likeliest first."""
    ranked = sorted(probabilities.items(), key=lambda item: -item[1])
    top = [{"token": token, "logprob": math.log(max(p, 1e-9)), "bytes": list(token.encode())} for token, p in ranked]
    return {**top[0], "top_logprobs": top}
