"""The quickstart example: its passages, its facts, and what its check lets through. The model itself is not asked."""

from pathlib import Path

import pytest

from seedbed.registry.code import load_function
from seedbed.run.prepare import prepare

EXAMPLES = Path(__file__).parents[2] / "examples"


passages = load_function("./quickstart/documents.py:passages", EXAMPLES)
fact = load_function("./quickstart/grounded.py:fact", EXAMPLES)
check = load_function("./quickstart/grounded.py:check", EXAMPLES)

PASSAGE = (
    "The `close()` method releases the file. A closed file cannot be read any more, and trying it raises "
    "`ValueError`. It may be called more than once."
)
FACT = "A closed file cannot be read any more, and trying it raises `ValueError`."


def test_the_file_is_in_order() -> None:
    assert prepare(EXAMPLES / "quickstart.yaml").name == "quickstart"


def test_the_manual_gives_passages_of_prose() -> None:
    found = passages(topic="execmodel")
    assert len(found) >= 5
    for one in found:
        assert 300 <= len(one["passage"]) <= 900
        assert one["passage"].endswith(".")
        assert '"' not in one["passage"]
    with pytest.raises(ValueError, match="no topic 'exceptoins'"):
        passages(topic="exceptoins")


def test_a_text_of_ones_own_gives_passages_under_its_headings() -> None:
    sentence = "Bees find their way home by the sun, by the shape of the land and by the smell of the hive. "
    text = f"# Bees\n\n{sentence * 4}\n\n| a | b |\n\n## Honey\n\n- a list\n\n{'Honey keeps for years. ' * 15}"
    found = passages(text=text, path="bees.md")
    assert [(one["title"], one["document"]) for one in found] == [("Bees", "bees.md"), ("Honey", "bees.md")]


def test_another_fact_at_each_visit_until_there_is_none() -> None:
    assert fact(PASSAGE, {"fact": 1}) == FACT
    assert fact(PASSAGE, {"fact": 2}) is None


@pytest.mark.parametrize(
    ("question", "answer", "reason"),
    [
        (
            "What happens when a closed file is read?",
            "A closed file cannot be read any more, and trying it raises `ValueError`.",
            None,
        ),
        (
            "What happens when a closed file is read?",
            "A closed file is deleted from the disk, and trying it raises `ValueError`.",
            "words that the passage does not have",
        ),
        (
            "What happens when a closed file is read?",
            "A closed file cannot be read any more, and trying it raises `OSError`.",
            "words that the passage does not have",
        ),
        (
            "What happens when a closed file is read?",
            "A closed file can be read any more, and trying it raises `ValueError`.",
            "a negation lost or won",
        ),
        (
            "What is a closed file for a program?",
            "Trying to read any more raises `ValueError`, as it cannot be closed.",
            "a definition that does not say what was asked",
        ),
        ("Can a closed file be read any more?", "A closed file cannot be read any more.", "a question for yes or no"),
        (
            "What does the passage say of a closed file?",
            "A closed file cannot be read any more, and trying it raises `ValueError`.",
            "not clear on its own",
        ),
        (
            "What does the `close()` method do to the file?",
            "The `close()` method releases the file.",
            "an answer that only repeats the question",
        ),
    ],
)
def test_the_check(question: str, answer: str, reason: str | None) -> None:
    verdict = check("Files", PASSAGE, FACT, {"question": question, "answer": answer})
    assert verdict == {"ok": reason is None, "reason": reason}
