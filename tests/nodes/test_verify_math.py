"""`math` of `verify`: what means the same, what does not, and what may not hold up or break a run."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sympy")

from seedbed.errors import MissingExtra, NodeError
from seedbed.graph.contracts import Visit
from seedbed.nodes.checks import mathematics
from seedbed.nodes.checks.maths.compare import same
from seedbed.nodes.checks.maths.reader import read
from seedbed.nodes.checks.maths.tokens import Unreadable
from seedbed.nodes.verify import VerifyNode

SAME = r"""
1/2 | 0.5
\frac12 | 1/2
$\dfrac{3}{4}$ | 0.75
x^2+2x+1 | (x+1)^2
\sqrt{8} | 2\sqrt{2}
2\sin x\cos x | \sin 2x
\sin^2 x+\cos^2 x | 1
x = 5 | 5
\{1,2\} | 2, 1
x=1 \text{ or } x=2 | \{1, 2\}
1 \pm \sqrt{2} | 1+\sqrt{2}, 1-\sqrt{2}
(1,2) | (1, 4/2)
\left(\frac{1}{2}, 3\right) | (0.5, 3)
[1,2) \cup (3,\infty) | (3, \infty) \cup [1, 2)
x \in [0,1] | [0,1]
y = 2x+1 | 2x - y + 1 = 0
2x > 6 | 3 < x
1 < x < 3 | x > 1, x < 3
\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix} | \begin{bmatrix} 1 & 2 \\ 3 & 2^2 \end{bmatrix}
1\frac{1}{2} | 3/2
1 1/2 | 1.5
1,234 | 1{,}234
5\text{ cm} | 5
5 apples | 5
90^\circ | 90
\log_2 8 | 3
\ln(e^3) | 3
e^{i\pi} | -1
\binom{5}{2} | 10
5! | 120
|x| | \sqrt{x^2}
\sqrt[3]{27} | 3
-\frac{1}{3} | \frac{-1}{3}
\pi r^2 | r^2 pi
x_1 + x_{2} | x_2+x_1
50\% | 50
\tan^{-1} 1 | \pi/4
sqrt(3)/2 | \frac{\sqrt3}{2}
\lfloor 3.7 \rfloor | 3
\emptyset | \{\}
\boxed{7} | 7
n(n+1)/2 | \frac{n^2+n}{2}
10^{-3} | 0.001
"""

DIFFERENT = r"""
1/2 | 0.51
(1,2) | (2,1)
(1,2) | [1,2]
x+1 | x+2
x > 3 | x < 3
-2x > 6 | x > 3
x \ge 3 | x > 3
\{1,2\} | \{1,2,3\}
\{1,1\} | \{1,2\}
\sqrt{2} | 1.414
x | y
x^2 | |x|
\sqrt{x^2} | x
y=2x | y=3x
\infty | 5
1/0 | 0
\begin{pmatrix} 1 & 2 \end{pmatrix} | \begin{pmatrix} 1 \\ 2 \end{pmatrix}
"""

UNREADABLE = r"""
hello there
(((((
\frac{1}
1 2
__import__('os').system('x')
\def\x{1}
2^
\begin{pmatrix} 1 & 2
\begin{foo} 1 \end{foo}
\sqrt[
1+
"""


def pairs(block: str) -> list[tuple[str, str]]:
    return [tuple(line.split(" | ")) for line in block.strip().splitlines()]  # type: ignore[misc]


@pytest.mark.parametrize(("first", "second"), pairs(SAME))
def test_the_same(first: str, second: str) -> None:
    assert same(read(first), read(second))
    assert same(read(second), read(first))


@pytest.mark.parametrize(("first", "second"), pairs(DIFFERENT))
def test_different(first: str, second: str) -> None:
    assert not same(read(first), read(second))
    assert not same(read(second), read(first))


@pytest.mark.parametrize("text", ["", *UNREADABLE.strip().splitlines()])
def test_unreadable(text: str) -> None:
    with pytest.raises(Unreadable):
        read(text)


@pytest.mark.parametrize(
    "text", ["(" * 500 + "1" + ")" * 500, "-" * 1500 + "1", r"\sin " * 300 + "x", "x^" * 300 + "2", "x" + "!" * 900,
             "1" + "±1" * 800, "x" * 3000]
)  # fmt: skip
def test_no_text_is_read_too_deeply(text: str) -> None:
    with pytest.raises(Unreadable):
        read(text)
    assert read("1" + "+1" * 900)[0] == "add"


def test_a_tolerance_is_for_numbers() -> None:
    assert same(read("1.414"), read(r"\sqrt{2}"), 0.001)
    assert not same(read("1.4"), read(r"\sqrt{2}"), 0.001)
    assert not same(read("x"), read("1.0001x"), 0.001)


def prepared(scene: Any, math: Any, **spec: Any) -> Any:
    node = VerifyNode.model_validate({"type": "verify", "of": "answer", "math": math, **spec})
    assert list(node.check(Path())) == []
    call = node.prepare(scene)
    return lambda answer: asyncio.run(call(Visit({"answer": answer, "key": r"\frac{1}{2}"}, "r", "v", 1, 0)))


@pytest.mark.parametrize(
    "answer",
    [
        "0.5",
        0.5,
        r"We get \boxed{\frac12}.",
        "So it is a half. The answer is $1/2$.",
        "First $x+1$ and then, after some more steps that take a while, $x = 1/2$",
        "Line one\n\n1/2",
    ],
)
def test_the_answer_is_found(scene: Any, answer: Any) -> None:
    assert prepared(scene, "{{ key }}")(answer)["passed"]


def test_messages(scene: Any) -> None:
    check = prepared(scene, ["x+1", "x+2"])
    assert check("x+2")["passed"]
    assert check("x+3")["message"] == "the answer is `x+3`; it should be `x+1` or `x+2`"
    assert "which cannot be read: `hell…` is not understood" in check("hello")["message"]
    assert "cannot be compared: a power is too large" in check("9^9^9^9")["message"]
    with pytest.raises(NodeError, match="cannot be read"):
        prepared(scene, "hello")("x")


def test_a_comparison_that_takes_too_long_is_stopped_and_hurts_no_other(scene: Any) -> None:
    check = prepared(scene, {"expected": "x", "timeout": 1})
    assert check("x + 1")["passed"] is False
    start = time.monotonic()
    with pytest.raises(NodeError, match="takes more than 1 s"):
        check(r"\binom{10^9}{10^8}")
    assert time.monotonic() - start < 20
    assert check("2x/2")["passed"]


def test_many_at_once(scene: Any) -> None:
    node = VerifyNode.model_validate({"type": "verify", "of": "answer", "math": "x^2+2x+1"})
    call = node.prepare(scene)

    async def all_of_them() -> list[bool]:
        visits = [Visit({"answer": f"(x+1)^2+{i}-5"}, "r", "v", 1, 0) for i in range(20)]
        return [result["passed"] for result in await asyncio.gather(*map(call, visits))]

    assert asyncio.run(all_of_them()) == [i == 5 for i in range(20)]


def test_without_sympy_the_extra_is_named(scene: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mathematics, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"seedbed\[math\]"):
        prepared(scene, "1")
