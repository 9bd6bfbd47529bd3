"""Whether a question and its answer hold up against the passage they were made from. No model is asked."""

import re

COMMON = """
a about all also an and any are as at be because been but by can do does each for from had has have how if in into is it
its may more most must no not of on one only or other over same should so some such than that the their them then there
these they this those to two under up use used using was were what when where whether which while who whose why will
with within would you your called python happens mean means
"""
STOPWORDS = set(COMMON.split())
OUTWARD = re.compile(
    r"\b(passage|text|fact|table|section|paragraph|following|described|mentioned|above|below|see|manual)\b",
    re.IGNORECASE,
)
NEGATION = re.compile(r"\b(not|never|no|cannot|without|neither|nor|none)\b|n[’']t\b", re.IGNORECASE)
LEANING = re.compile(
    r"(This|That|These|Those|It|They|Its|Their|Such|Here|Otherwise|However|Instead|Also|Then|Thus|Therefore|In this|"
    r"In that|For example|For instance|Similarly|Note|See|Hint|Most|Some|Both)\b"
)


def fact(passage: str, visits: dict) -> str | None:
    """A sentence of the passage that can stand alone; another one at each visit, the longest first."""
    alone = [one for one in sentences(passage) if not LEANING.match(one) and not OUTWARD.search(one)]
    alone = sorted((one for one in alone if 50 <= len(one) <= 260), key=len, reverse=True)
    place = visits["fact"] - 1
    return alone[place] if place < len(alone) else None


def check(passage: str, title: str, fact: str, pair: dict) -> dict:
    """Whether the pair is `ok`, what part of the answer's own words the fact has, and the `reason` if it is not ok."""
    question, answer = pair["question"].strip(), pair["answer"].strip()
    own = words(answer) - words(question) or words(answer)
    support = len(own & words(fact)) / max(1, len(own))
    reason = fault(f"{title}\n{passage}", fact, question, answer, support)
    return {"ok": reason is None, "support": round(support, 2), "reason": reason}


def fault(source: str, fact: str, question: str, answer: str, support: float) -> str | None:
    """What is wrong with a pair; None if nothing is."""
    asked, said, known = words(question), words(answer), words(source)
    if not question.endswith("?") or question.count("?") > 1 or not 25 <= len(question) <= 180:
        return "not one short question"
    if re.match(r"(Is|Are|Does|Do|Can|Will|Has|Should|May|Must)\b", question):
        return "a question for yes or no"
    if re.search(r"\b(purpose|difference|differ|main)\b", question):
        return "a question that invites invention"
    if not answer.endswith(".") or not 20 <= len(answer) <= 320 or len(sentences(answer)) > 2:
        return "not one or two full sentences"
    if OUTWARD.search(f"{question} {answer}") or LEANING.match(answer):
        return "not clear on its own"
    if said - known or any(code not in source for code in codes(question + answer)):
        return "words that the passage does not have"
    if len(asked & known) < 2 or len(asked - known) > 2:
        return "not about the passage"
    if len(said - asked) < 2:
        return "an answer that only repeats the question"
    if support < 0.8:
        return "not what the fact says"
    if bool(NEGATION.search(answer)) != bool(NEGATION.search(fact)):
        return "a negation lost or won"
    return None


def sentences(text: str) -> list[str]:
    """The sentences of a text."""
    return [part.strip() for part in re.split(r"(?<=[.!?])[”)]?\s+(?=[A-Z`“(])", text) if part.strip()]


def words(text: str) -> set[str]:
    """The content words of a text, without their endings."""
    found = re.findall(r"[A-Za-z0-9_]+", text.lower())
    return {re.sub(r"(ations?|ing|ed|es|s|e|ly)$", "", word)[:7] for word in found if word not in STOPWORDS}


def codes(text: str) -> set[str]:
    """What stands in backticks."""
    return {code.removesuffix("()") for code in re.findall(r"`([^`]+)`", text)}
