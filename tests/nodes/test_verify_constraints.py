"""The `constraints` of `verify`: what each kind passes and refuses, and constraints that a record brings along."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from seedbed.errors import NodeError
from seedbed.graph.contracts import Visit
from seedbed.nodes.checks import measures
from seedbed.nodes.checks.language import LANGUAGES, language
from seedbed.nodes.verify import VerifyNode


def verify(scene: Any, text: str, constraints: Any, **scope: Any) -> dict[str, Any]:
    node = VerifyNode.model_validate({"type": "verify", "of": "text", "constraints": constraints})
    assert list(node.check(Path())) == []
    visit = Visit({"text": text, **scope}, "r", "v", 1, 0)
    result: dict[str, Any] = asyncio.run(node.prepare(scene)(visit))
    return result


LETTER = (
    "# My day\n\nDear [name], *today* I saw **two birds**.\n\n- one\n- two\n\nHowever, they flew AWAY.\n\n"
    "P.S. Write soon!"
)


@pytest.mark.parametrize(
    ("constraint", "text", "passed", "message"),
    [
        ({"words": 3}, "one two three", True, "there are 3 words"),
        ({"words": {"max": 2}}, "one two three", False, "there are 3 words; there should be at most 2"),
        ({"words": {"min": 2, "max": 4}}, "one", False, "there is 1 word; there should be 2 to 4"),
        ({"sentences": {"min": 2}}, "One.", False, "there is 1 sentence; there should be at least 2"),
        ({"paragraphs": 5}, LETTER, True, ""),
        ({"lines": 6}, LETTER, True, ""),
        ({"characters": {"max": 3}}, " abcd ", False, "there are 4 characters; there should be at most 3"),
        ({"bullets": 2}, LETTER, True, ""),
        ({"bullets": 1}, "text", False, "there are no list items; there should be 1"),
        ({"headings": 1}, LETTER, True, ""),
        ({"placeholders": {"min": 2}}, LETTER, False, "there is 1 placeholder; there should be at least 2"),
        ({"highlights": 2}, LETTER, True, ""),
        ({"highlights": 3}, LETTER, False, "there are 2 passages between asterisks; there should be 3"),
        ({"capital_words": {"max": 0}}, "Go AWAY", False, "there is 1 word in capitals; there should be at most 0"),
        ({"keywords": {"all": ["birds", "Cats"]}}, LETTER, False, "`Cats` is not there; use `Cats`"),
        ({"keywords": {"none": ["bird"]}}, LETTER, True, ""),
        ({"keywords": {"any": ["x", "y"]}}, LETTER, False, "none of `x` and `y` is there; use one of them"),
        ({"keywords": {"count": {"two": 3}}}, LETTER, False, "`two` occurs 2 times; it should occur 3 times"),
        ({"letters": {"letter": "o", "count": {"min": 99}}}, "Oo", False, "the letter o occurs 2 times; it should"),
        ({"format": "json"}, '[{"a": 1}]', True, ""),
        ({"format": "json"}, "a", False, "`a` is not JSON"),
        ({"format": "markdown"}, LETTER, True, ""),
        ({"format": "plain"}, LETTER, False, "Markdown is used; write plain text"),
        ({"title": True}, "<<Title>>\ntext", True, ""),
        ({"title": True}, "text\nmore", False, "the first line is `text`; begin with a title"),
        ({"language": "de"}, "Der Hund und die Katze sind nicht im Haus.", True, ""),
        ({"language": "de"}, "The dog is in the house.", False, "the language is en; write in de"),
        ({"case": "lower"}, "all lower 1.", True, ""),
        ({"case": "upper"}, "ALL Upper", False, "`Upper` is not so; use capitals only"),
        ({"case": "upper"}, "12", False, "there are no letters; use capitals only"),
        ({"case": "title"}, "Every Word Here", True, ""),
        ({"starts_with": "Dear"}, "Dear me", True, ""),
        ({"ends_with": "Bye."}, "Hello.", False, "the end is `Hello.`; it should be `Bye.`"),
        ({"paragraph_start": {"paragraph": 4, "word": "however"}}, LETTER, True, ""),
        ({"paragraph_start": {"paragraph": 9, "word": "x"}}, LETTER, False, "there are 5 paragraphs; paragraph 9"),
        ({"no_commas": True}, LETTER, False, "there are 2 commas; use no commas"),
        ({"quoted": True}, '"So it is."', True, ""),
        ({"quoted": True}, '"', False, "put the whole into double quotation marks"),
        ({"postscript": True}, LETTER, True, ""),
        ({"postscript": "P.P.S"}, LETTER, False, "there is no postscript; end with a line that begins with P.P.S"),
        ({"repeats": "Say {{ what }}!"}, "say  hello! Hello.", True, ""),
        ({"repeats": "Say {{ what }}!"}, "Hello.", False, "first repeat, word by word: `Say hello!`"),
        ({"one_of": ["Yes.", "No."]}, "yes", True, ""),
        ({"one_of": ["Yes.", "No."]}, "Maybe", False, "the text is `Maybe`; it should be `Yes.` or `No.`"),
        ({"divided_by": "******"}, "a ****** b", True, ""),
        ({"divided_by": "******"}, "a ****** a", False, "both answers are the same"),
    ],
)
def test_a_constraint(scene: Any, constraint: dict[str, Any], text: str, passed: bool, message: str) -> None:
    result = verify(scene, text, [constraint], what="hello")
    (check,) = result["checks"]
    assert check["name"] == next(iter(constraint))
    assert check["passed"] is passed
    assert message in check["message"]
    assert passed or "; " in check["message"], "it says what would be right"


def test_each_is_a_check_of_its_own(scene: Any) -> None:
    result = verify(
        scene, "one, two", [{"words": 2}, {"no_commas": True}, {"keywords": {"all": ["one"], "none": ["x"]}}]
    )
    assert [check["name"] for check in result["checks"]] == ["words", "no_commas", "keywords", "keywords"]
    assert result["score"] == 0.75


def test_a_record_may_bring_its_own(scene: Any) -> None:
    own = [{"words": {"max": 1}}, {"starts_with": 4}]
    assert [check["passed"] for check in verify(scene, "4 x", "{{ own }}", own=own)["checks"]] == [False, True]
    for wrong, said in (
        ("words", "give a list"),
        ([{"wrds": 1}], "constraint 1, wrds: Extra inputs"),
        ([{"words": 1}, {"words": 1, "lines": 1}], "constraint 2: `words` and `lines` are two constraints"),
        ([{"language": "xx"}], "constraint 1: `xx` is not known"),
    ):
        with pytest.raises(NodeError, match="constraint") as caught:
            verify(scene, "x", "{{ own }}", own=wrong)
        assert said in str(caught.value)


@pytest.mark.parametrize(
    ("constraint", "said"),
    [
        ({}, "does not say what to check"),
        ({"words": 1, "lines": 1}, "are two constraints"),
        ({"words": {"min": 3, "max": 1}}, "`min` is above `max`"),
        ({"words": {}}, "no bound"),
        ({"keywords": {}}, "names no keywords"),
        ({"keywords": {"count": {"a": {}}}}, "no bound"),
        ({"language": "english"}, "is not known"),
    ],
)
def test_what_is_wrong_is_told(constraint: dict[str, Any], said: str) -> None:
    node = VerifyNode.model_validate({"type": "verify", "of": "text", "constraints": [{"title": True}, constraint]})
    (issue,) = node.check(Path())
    assert said in issue.what
    assert issue.path[:2] == ("constraints", 1)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("Dr. Smith met Mr. A. Jones. He left!", 2),
        ("It cost 3.50 in the U.S. market. Really?", 2),
        ("No stop at the end", 1),
        ("1. First\n2. Second", 2),
        ("Wait... what?! Yes.", 3),
        ("今日は。元気ですか？", 2),
        ("", 0),
    ],
)
def test_sentences(text: str, count: int) -> None:
    assert measures.sentences(text) == count


def test_words_of_many_scripts() -> None:
    assert measures.words("It's a well-known fact: 3.5 km!") == ["It's", "a", "well-known", "fact", "3.5", "km"]
    assert len(measures.words("Grüße aus Köln")) == 3
    assert len(measures.words("我爱你 ok")) == 4
    assert measures.words("") == []


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("en", "There is no reason to believe that they will come to this house."),
        ("fr", "Il n'y a pas de raison de croire que nous sommes dans la maison."),
        ("es", "No hay razón para creer que los niños están en la casa."),
        ("it", "Non c'è una ragione per credere che il cane sia nella casa."),
        ("pt", "Não há uma razão para acreditar que o cão está em casa."),
        ("nl", "Er is geen reden om te geloven dat de hond in het huis is."),
        ("sv", "Det finns inte någon anledning att tro att hunden är i huset."),
        ("pl", "Nie ma powodu, żeby wierzyć, że pies jest w domu i że się boi."),
        ("ru", "Он не знал, что это было так давно."),
        ("uk", "Він не знав, що це було так давно, і не їхав."),
        ("ja", "これは日本語の文章です。"),
        ("zh", "这是一个中文句子。"),
        ("ko", "이것은 한국어 문장입니다."),
        ("ar", "هذه جملة باللغة العربية."),
        ("el", "Αυτή είναι μια πρόταση."),
        (None, "xyz qqq 123"),
        (None, "42"),
    ],
)
def test_languages(code: str | None, text: str) -> None:
    assert language(text) == code
    assert code is None or code in LANGUAGES
