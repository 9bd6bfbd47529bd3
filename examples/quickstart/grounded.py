"""Whether a question and its answer hold up against the passage they were made from. No model is asked."""

import re

STOPWORDS = frozenset(
    """a about all also an and any are as at be because been but by can do does each for from had has have how if in
    into is it its may more most must no not of on one only or other over same should so some such than that the their
    them then there these they this those to two under up use used using was were what when where whether which while
    who whose why will with within would you your called python happens mean means purpose""".split()
)
OUTWARD = re.compile(
    r"\b(passage|text|table|section|paragraph|following|described|described (above|below|in)|mentioned|as follows|"
    r"see also|example below|manual)\b",
    re.IGNORECASE,
)
NEGATIONS = re.compile(r"\b(not|never|no|cannot|without|neither|nor)\b|n[’']t\b", re.IGNORECASE)


def check(passage: str, title: str, question: str, answer: str) -> dict:
    """`ok`, the `evidence` (the passage's own words for the answer), its `support`, and the `reason` if it is not ok."""
    evidence, support = best_evidence(passage, question, answer)
    reason = fault(passage, title, question, answer, evidence, support)
    return {"ok": reason is None, "support": round(support, 2), "evidence": evidence, "reason": reason}


def fault(passage: str, title: str, question: str, answer: str, evidence: str, support: float) -> str | None:
    """What is wrong, as one would tell the writer; None if nothing is."""
    asked, said, known = words(question), words(answer), words(passage + " " + title)
    if not question.endswith("?") or question.count("?") > 1 or not 25 <= len(question) <= 180:
        return "the question is not one short question"
    if not answer.endswith(".") or not 20 <= len(answer) <= 320 or len(sentences(answer)) > 2:
        return "the answer is not one or two full sentences"
    if outward := OUTWARD.search(question + " " + answer):
        return f"it points outside of itself with the word {outward.group()!r}"
    if re.match(r"(Is|Are|Does|Do|Can|Will|Has|Should)\b", question):
        return "the question can be answered with yes or no"
    if "difference" in question or " differ" in question:
        return "the question asks for a comparison, which invites invention"
    if strange := sorted(said - known):
        return f"the answer has words that the passage does not have: {', '.join(strange[:5])}"
    if strange := sorted(codes(question + answer) - codes(passage + title)):
        return f"it names code that the passage does not have: {', '.join(strange)}"
    if len(asked & known) < 2 or len(asked - known) > 2:
        return "the question is not about what the passage says"
    if len(said - asked) < 2:
        return "the answer says nothing that the question does not say already"
    if support < 0.8:
        return "no one place of the passage says all that the answer says"
    if bool(NEGATIONS.search(answer)) != bool(NEGATIONS.search(evidence)):
        return "the answer and the passage do not agree on a negation"
    return None


def best_evidence(passage: str, question: str, answer: str) -> tuple[str, float]:
    """The sentence, or two in a row, that has most of the answer's own words, and what part of them it has."""
    told = sentences(passage)
    windows = told + [f"{first} {second}" for first, second in zip(told, told[1:], strict=False)]
    own = words(answer) - words(question) or words(answer)
    scored = [(len(own & words(window)) / max(1, len(own)), -len(window), window) for window in windows]
    support, _, evidence = max(scored, default=(0.0, 0, ""))
    return evidence, support


def sentences(text: str) -> list[str]:
    """The sentences of a text."""
    return [part.strip() for part in re.split(r"(?<=[.!?])[”)]?\s+(?=[A-Z`“(])", text) if part.strip()]


def words(text: str) -> set[str]:
    """The content words of a text, without their endings."""
    found = re.findall(r"[A-Za-z0-9_]+", text.lower())
    return {re.sub(r"(ations?|ing|ed|es|s|e|ly)$", "", word)[:7] for word in found if word not in STOPWORDS}


def codes(text: str) -> set[str]:
    """What stands in backticks."""
    return {code.strip("()") for code in re.findall(r"`([^`]+)`", text)}
