"""The nodes `expression`, `template` and `function`."""

import asyncio
from types import SimpleNamespace

import pytest

from seedbed.errors import NodeError, TemplateError
from seedbed.graph.contracts import Read, Visit
from seedbed.nodes.expression import ExpressionNode
from seedbed.nodes.function import FunctionNode
from seedbed.nodes.template import TemplateNode


def visit(**scope):
    return Visit(scope, "r0", "node", 1, 0)


def context(base=None):
    return SimpleNamespace(base=base, run_blocking=asyncio.to_thread)


def test_an_expression_keeps_its_type():
    node = ExpressionNode(expression="n + 1", when="n > 0")
    assert node.prepare(context())(visit(n=2)) == 3
    assert list(node.reads()) == [Read("expression", "n > 0", ("when",)), Read("expression", "n + 1", ("expression",))]
    assert ExpressionNode(expression="{'a': [n]}").prepare(context())(visit(n=2)) == {"a": [2]}


def test_an_expression_that_cannot_be_had_is_an_error_of_the_record():
    with pytest.raises(TemplateError):
        ExpressionNode(expression="n + 1").prepare(context())(visit(n=None))


def test_a_template_is_text():
    node = TemplateNode(template="{{ n }}")
    assert node.prepare(context())(visit(n=2)) == "2"
    assert list(node.reads()) == [Read("template", "{{ n }}", ("template",))]


@pytest.fixture
def base(tmp_path):
    (tmp_path / "hooks.py").write_text(
        "def check(answer, visits, params, id, tolerance, hint='none'):\n"
        "    return [answer, visits['check'], params['p'], id, tolerance, hint]\n"
        "async def later(answer): return {'got': answer}\n"
        "def fails(answer):\n"
        "    raise ValueError(f'no {answer}')\n"
        "def odd(): return object()\n"
    )
    return tmp_path


def made(base, call, **params):
    node = FunctionNode(call=call, params=params)
    node._base = base
    return node


def test_a_function_reads_its_parameter_names(base):
    node = made(base, "./hooks.py:check", tolerance=0.1)
    names = [(read.kind, read.text) for read in node.reads()]
    assert names == [("field", n) for n in ("answer", "visits", "params", "id")] + [("optional", "hint")]
    assert list(node.check(base)) == []
    assert node.files() == ["./hooks.py"]
    call = node.prepare(context(base))
    found = asyncio.run(call(visit(answer="A", visits={"check": 2}, params={"p": 1}, id="r0")))
    assert found == ["A", 2, 1, "r0", 0.1, "none"]


def test_a_function_may_be_async(base):
    call = made(base, "./hooks.py:later").prepare(context(base))
    assert asyncio.run(call(visit(answer="A"))) == {"got": "A"}


def test_an_error_in_a_function_fails_the_record_with_its_line(base):
    with pytest.raises(NodeError, match=r"^ValueError: no A \(hooks.py:5\)$"):
        asyncio.run(made(base, "./hooks.py:fails").prepare(context(base))(visit(answer="A")))
    with pytest.raises(NodeError, match="a object, which has no JSON form"):
        asyncio.run(made(base, "./hooks.py:odd").prepare(context(base))(visit()))


def test_what_cannot_be_called_is_found_at_load(base):
    node = made(base, "./hooks.py:chek")
    assert list(node.reads()) == []
    (issue,) = node.check(base)
    assert issue.path == ("call",)
    assert "did you mean `check`?" in issue.fix
    (issue,) = made(base, "./hooks.py:later", speed=2).check(base)
    assert issue.what == "./hooks.py:later has no parameter `speed`"
