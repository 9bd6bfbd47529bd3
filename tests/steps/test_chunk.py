"""The step `chunk`: passages are parts of their text, no larger than asked, cut where it makes sense."""

import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from seedbed.record import Record
from seedbed.steps.chunk import Chunk
from seedbed.steps.markdown import sections
from seedbed.steps.sentences import sentences
from seedbed.steps.tokens import count_tokens, words

quick = settings(max_examples=150, deadline=None)
pieces = st.sampled_from(
    ["word", "Dr. ", "end. ", "Ünïcode ", "。", "你好", "！", "\n", "\n\n", "# Head\n", "## Sub\n", "```\n", "~~~\n",
     "- item\n", "| a | b |\n", "===\n", "    code\n", "> quote\n", "x" * 90, "नमस्ते ", "👍🏽", "e\u0301", " ", "12345 ",
     "...", "「あ。」"]
)  # fmt: skip
texts = st.lists(pieces, max_size=40).map("".join) | st.text(max_size=80)
GUIDE = """---
title: ignored
---
Before any heading.

# Guide

Intro text. It has two sentences.

## Install

Run this:

```sh
# not a heading
pip install x

pip check
```

Notes
-----

> ~~~
> # nor this
> ~~~

## Empty

### Deep #

Last words.
"""


def passages(run, text, **spec):
    out, _ = run(Chunk(**spec), [Record("d", {"text": text})])
    return [record.fields["text"] for record in out]


@pytest.mark.parametrize("by", ["tokens", "sentences", "headings"])
def test_every_passage_is_that_part_of_its_text(run, by):
    @quick
    @given(texts, st.integers(1, 40), st.integers(0, 39))
    def holds(text, size, overlap):
        step = Chunk(into="passage", keep=True, by=by, size=size, overlap=min(overlap, size - 1))
        out, context = run(step, [Record("d", {"text": text})])
        assert bool(out) != bool(context.dropped)
        assert context.failed == {}
        spans = []
        fences = [text[b.start : b.end] for s in sections(text) for b in s.blocks if b.fence]
        for i, record in enumerate(out):
            passage, about = record.fields["passage"], record.fields["chunk"]
            assert passage == text[about["start"] : about["end"]] != ""
            assert passage == passage.strip()
            assert about["tokens"] == count_tokens(passage)
            assert about["index"] == i
            assert record.id == f"d.{i}"
            if about["tokens"] > size:
                assert any(fence.strip() in passage for fence in fences)
            spans.append((about["start"], about["end"]))
        assert all(a[0] < b[0] and a[1] < b[1] for a, b in pairwise(spans)), "each brings more"
        if by != "headings":
            covered = {i for start, end in spans for i in range(start, end)}
            assert {i for i, sign in enumerate(text) if not sign.isspace()} <= covered
        if overlap == 0 or size == 1:
            assert all(a[1] <= b[0] for a, b in pairwise(spans))

    holds()


@quick
@given(texts, st.integers(1, 30))
def test_a_fence_is_never_cut(run, text, size):
    out, _ = run(Chunk(into="p", keep=True, by="headings", size=size), [Record("d", {"text": text})])
    cuts = {record.fields["chunk"][side] for record in out for side in ("start", "end")}
    for section in sections(text):
        for block in section.blocks:
            if block.fence:
                inside = text[block.start : block.end].strip()
                first = text.index(inside, block.start)
                assert not cuts & set(range(first + 1, first + len(inside)))


def test_markdown_keeps_the_way_of_headings(run):
    out, _ = run(Chunk(by="headings", size=None), [Record("d", {"text": GUIDE, "path": "a.md"})])
    assert [(r.fields["chunk"]["headings"], r.fields["text"].split("\n")[0]) for r in out] == [
        ([], "Before any heading."),
        (["Guide"], "# Guide"),
        (["Guide", "Install"], "## Install"),
        (["Guide", "Notes"], "Notes"),
        (["Guide", "Empty", "Deep"], "### Deep #"),
    ]
    assert out[2].fields["text"].endswith("```")
    assert out[3].fields["text"].endswith("> ~~~")
    assert {r.fields["path"] for r in out} == {"a.md"}


def test_markdown_cuts_large_sections_by_blocks_and_leaves_code_whole(run):
    found = passages(run, GUIDE, by="headings", size=9)
    assert found[1:4] == ["# Guide\n\nIntro text.", "It has two sentences.", "## Install\n\nRun this:"]
    assert found[4].startswith("```sh")
    assert found[4].endswith("```")


def test_an_unclosed_fence_runs_to_the_end_but_an_indented_one_is_none():
    assert [b.fence for s in sections("a\n```\n# x\n\ny") for b in s.blocks] == [False, True]
    assert [s.headings for s in sections("a\n     ```x\n# x\n\ny")] == [[], ["x"]]
    started = time.perf_counter()
    list(sections("      ````x\n      ```\n" * 5000))
    list(sections("      ```x\n" * 20000))
    assert time.perf_counter() - started < 5


def test_sentences_overlap_whole(run):
    text = "One is here. Two is here. Three is here. Four is here."
    assert passages(run, text, size=8) == ["One is here. Two is here.", "Three is here. Four is here."]
    assert passages(run, text, size=8, overlap=4) == [
        "One is here. Two is here.",
        "Two is here. Three is here.",
        "Three is here. Four is here.",
    ]
    assert passages(run, text, size=8, overlap=3) == passages(run, text, size=8)
    long = "Short one. Then " + "and " * 8 + "so on. Last."
    assert passages(run, long, size=6, overlap=2) == [
        "Short one.", "Then and and and and and", "and and and and and so", "and so on. Last.",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "parts",
    [
        ["Dr. Smith met Mr. J. K. Jones at 3.15 p.m. in Rome.", "They spoke, e.g. Of war?", "Yes!"],
        ["Prices rose in the U.S. Senate.", "See Fig. 3 and Sec. 2.", "He said no.", "Then he left."],
        ["He lives in the U.S.", "He likes it."],
        ['"Stop!" he said.', "“Really?”", "(It was so.)", "Well… he went."],
        ["Das sind z. B. Äpfel, d. h. Obst.", "Am 3. Mai kam Hr. Müller.", "Er ging."],
        ["Am 3. Mai kam er.", "Das war Nr. 7 von 8."],
        ["M. Dupont et Mme. Curie sont venus.", "Où ?", "Ici !"],
        ["¿Qué es?", "La Sra. Pérez lo sabe."],
        ["今天天气很好。", "你去哪里？", "“好！”", "他说。"],
        ["彼は「行く。」と言った。", "そうか！", "3．5です。"],
        ["यह पहला है।", "यह दूसरा है।"],
        ["هل هذا صحيح؟", "نعم."],
        ["Version 2.0.1 of node.js is out.", "Visit example.com now.", "So am I.", "Then go."],
    ],
)
def test_where_sentences_end(parts):
    between = "" if any("一" <= sign <= "鿿" or sign == "「" for sign in parts[0]) else " "
    text = between.join(parts)
    assert [text[start:end] for start, end in sentences(text)] == parts


def test_lines_that_begin_anew():
    text = "A title\n\nWrapped\nline\n- one\n- two\n1. First thing\n2. Second\n| a |\n| b |"
    assert [text[a:b] for a, b in sentences(text)] == [
        "A title", "Wrapped\nline", "- one", "- two", "1. First thing", "2. Second", "| a |", "| b |",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "tokens"),
    [("", 0), ("word", 1), ("understanding", 2), ("a b", 2), ("2024", 2), ("你好", 2), ("한국", 2), ("лампа", 2),
     ("a.", 2), ("-----", 2), ("x_1", 3), (" \n\t ", 0)],
)  # fmt: skip
def test_the_rule_by_which_tokens_are_counted(text, tokens):
    assert count_tokens(text) == tokens


def test_a_word_larger_than_a_passage_is_cut_but_not_inside_a_sign(run):
    assert max(span.tokens for span in words("ab " + "x" * 100, 0, 103, 4)) <= 4
    text = "e\u0301" * 60
    assert all(not p.startswith("\u0301") for p in passages(run, text, by="tokens", size=16))
    assert "".join(passages(run, "ภาษาไทย" * 30, by="tokens", size=5)) == "ภาษาไทย" * 30


def test_what_becomes_of_the_record(run, records):
    rows = records({"a": 1, "text": "Hi there.", "z": 2}, {"text": " \n"}, {"text": None}, {"text": 5}, {})
    out, context = run(Chunk(into="passage", about="where"), rows)
    assert list(out[0].fields) == ["a", "passage", "z", "where"]
    assert (out[0].parents, out[0].place) == (("r0",), "seeds.jsonl:1")
    assert context.dropped == {"r1": "empty", "r2": "empty", "r4": "empty"}
    assert context.failed == {"r3": "`text` is a number; chunk takes a text"}
    out, _ = run(Chunk(into="passage", keep=True), rows[:1])
    assert out[0].fields["text"] == out[0].fields["passage"] == "Hi there."
    assert Chunk(into="p").fields_after({"text", "a"}) == {"a", "p", "chunk"}
    assert Chunk(into="p", keep=True).fields_after({"text"}) == {"text", "p", "chunk"}


def test_it_checks_itself(tmp_path):
    def issues(**spec):
        return [issue.what for issue in Chunk(**spec).check(tmp_path)]

    assert "no room" in issues(size=5, overlap=5)[0]
    assert "need a size" in issues(size=None)[0]
    assert "takes the text's place" in issues(keep=True)[0]
    assert "a field of its own" in issues(about="text")[0]
    assert "reserved" in issues(into="end")[0]
    assert issues(by="headings", size=None) == []
    with pytest.raises(ValidationError):
        Chunk(size=0)


def test_a_long_text_takes_no_long_time(run):
    text = "Some words of a sentence that goes on for a while. " * 20_000
    started = time.perf_counter()
    assert len(passages(run, text, size=200, overlap=20)) > 1000
    assert len(passages(run, "# H\n\n" + text, by="headings", size=200)) > 1000
    assert time.perf_counter() - started < 30
