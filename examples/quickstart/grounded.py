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
    r"\b(passage|text|fact|table|section|paragraph|following|described|mentioned|above|below|here|see|manual)\b",
    re.IGNORECASE,
)
NEGATION = re.compile(r"\b(?:not|never|no|cannot|without|neither|nor|none)\b|n[’']t\b", re.IGNORECASE)
CLOSED = re.compile(r"(Is|Are|Does|Do|Can|Will|Has|Should|May|Must)\b")
INVITING = re.compile(
    r"\b(purpose|difference|differ|main|behaviou?r|property|makes|process)\b|, and (how|why|what|when)\b"
)
DEFINING = re.compile(r"What (is|are) (?!used)")
DEFINITION = re.compile(r"\b((is|are) (an?|the|any|one)|called|means?|represents?)\b")
LEANING = re.compile(
    r"(This|That|These|Those|It|They|Its|Their|Such|Here|Otherwise|However|Instead|Also|Then|Thus|Therefore|Hence|"
    r"In this|In that|For example|For instance|Similarly|Finally|Note|See|Hint|Most|Some|Both)\b"
)


def fact(passage: str, visits: dict) -> str | None:
    """A sentence of the passage that can stand alone, of middling length; the next best at each further visit."""
    alone = [one for one in sentences(passage) if 50 <= len(one) <= 260 and stands_alone(one)]
    alone.sort(key=lambda one: abs(len(one) - 140))
    place = visits["fact"] - 1
    return alone[place] if place < len(alone) else None


def stands_alone(sentence: str) -> bool:
    """Whether a sentence is whole and leans on nothing around it."""
    whole = re.match(r"[A-Z`]", sentence) and sentence.count("(") == sentence.count(")")
    return bool(whole and not LEANING.match(sentence) and not OUTWARD.search(sentence))


def check(title: str, passage: str, fact: str, pair: dict) -> dict:
    """Whether the pair is `ok`, and the `reason` if it is not."""
    question, answer = pair["question"].strip(), pair["answer"].strip()
    reason = unclear(question, answer) or ungrounded(title, passage, fact, question, answer)
    return {"ok": reason is None, "reason": reason}


def unclear(question: str, answer: str) -> str | None:
    """What is wrong with a pair whatever it is about; None if nothing is."""
    if not question.endswith("?") or question.count("?") > 1 or not 25 <= len(question) <= 180:
        return "not one short question"
    if not answer.endswith(".") or not 20 <= len(answer) <= 320 or len(sentences(answer)) > 2:
        return "not one or two full sentences"
    if CLOSED.match(question):
        return "a question for yes or no"
    if INVITING.search(question):
        return "a question that invites invention"
    if OUTWARD.search(f"{question} {answer}") or LEANING.match(answer):
        return "not clear on its own"
    if DEFINING.match(question) and not defines(question, answer):
        return "a definition that does not say what was asked"
    if len(words(answer) - words(question)) < 2:
        return "an answer that only repeats the question"
    return None


def ungrounded(title: str, passage: str, fact: str, question: str, answer: str) -> str | None:
    """What a pair says that its source does not, or the other way round; None if nothing is."""
    asked, said, told = words(question), words(answer), words(fact)
    if said - words(f"{title} {passage}") or any(code not in f"{title} {passage}" for code in codes(question + answer)):
        return "words that the passage does not have"
    if len(asked - told - words(title)) > 1:
        return "a question about something else"
    own = said - asked
    if len(own & told) < 0.8 * len(own) or len(told & (asked | said)) < 0.7 * len(told):
        return "not what the fact says"
    in_question, in_answer, in_fact = (len(NEGATION.findall(text)) for text in (question, answer, fact))
    if in_fact not in (in_answer, in_question + in_answer):
        return "a negation lost or won"
    return None


def defines(question: str, answer: str) -> bool:
    """Whether an answer to "What is X?" begins with X, or ends with "is called X", and says what it is."""
    subject = next((word for word in question.split()[2:] if words(word)), "")
    start = " ".join(answer.split()[:5])
    named = words(subject) & words(start) or " called " in answer
    return bool(named and (DEFINITION.search(answer) or not re.match(r"What is an? ", question)))


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
