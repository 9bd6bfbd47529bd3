"""Guesses the language of a text by its script and its commonest words: enough to notice a wrong one, no more.

Scripts that one language uses decide by themselves; Latin and Cyrillic texts are told apart by function words. A text
without ten letters, or without known words, has no language here.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

_SCRIPTS = {
    "HIRAGANA": "ja", "KATAKANA": "ja", "HANGUL": "ko", "GREEK": "el", "HEBREW": "he", "THAI": "th", "ARMENIAN": "hy",
    "GEORGIAN": "ka", "TAMIL": "ta", "TELUGU": "te", "BENGALI": "bn", "GUJARATI": "gu", "GURMUKHI": "pa",
    "KANNADA": "kn", "MALAYALAM": "ml", "DEVANAGARI": "hi", "ARABIC": "ar", "CJK": "zh",
}  # fmt: skip

_COMMON = {
    "en": "the of and to in is that it was for on are as with his they at be this have from or had by not but what "
    "all were when your can said there use an each which she do how their if will you i",
    "de": "der die und in den von zu das mit sich des auf für ist im dem nicht ein eine als auch es an werden aus er "
    "hat dass sie nach wird bei einer um am sind noch wie einem über so zum aber ich",
    "fr": "de la le et les des en un du une que est pour qui dans a par plus pas au sur ne se ce il sont avec ou son "
    "mais comme nous vous être cette aux elle je leur",
    "es": "de la que el en y a los se del las un por con no una su para es al lo como más o pero sus le ha me si sin "
    "sobre este ya entre cuando todo esta ser son",
    "it": "di e il la che in a per un è del non una con i si da le dei sono come al lo più gli alla della nel ma anche "
    "se ha questo essere o delle",
    "pt": "de a o que e do da em um para é com não uma os no se na por mais as dos como mas foi ao ele das tem à seu "
    "sua ou ser quando muito há nos já está",
    "nl": "de van het een en in is dat op te zijn met voor niet aan er om ook als dan maar bij door naar uit nog wel "
    "deze die worden werd ze ik je hij",
    "sv": "och i att det som en på är av för med till den har de inte om ett han men var jag sig från vi så kan när "
    "hade eller ska nu",
    "da": "og i at det er en til på som med af for den de ikke der har et han var jeg fra vi så kan når eller men skal "
    "også blev",
    "pl": "i w na z do się nie jest to że o jak od za po co ale tak przez być dla są jego już był tylko ich oraz może",
    "tr": "ve bir bu da de için ile çok olarak daha gibi olan en var ne kadar sonra ama o ya mi her ben sen değil",
    "id": "yang dan di dari ini untuk dengan pada adalah itu tidak dalam akan ke oleh sebagai juga atau ada mereka "
    "bisa saya telah",
    "ru": "и в не на что я с он как это по но из у за от так же о к для все бы было если или только его они мы",
    "uk": "і в не на що я з він як це по але та у за від так же до для все б було якщо або тільки його вони ми є",
}  # fmt: skip
_WORDS = {language: frozenset(text.split()) for language, text in _COMMON.items()}
_CYRILLIC = ("ru", "uk")

LANGUAGES = tuple(sorted({*_COMMON, *_SCRIPTS.values()}))
"""The codes (ISO 639-1) that it knows."""


def language(text: str) -> str | None:
    """The code of a text's language, or None where it cannot be told."""
    text = text[:4000]
    scripts = Counter(unicodedata.name(letter, "").split(" ")[0] for letter in text if letter.isalpha())
    total = scripts.total()
    if not total or (total < 10 and "LATIN" in scripts):
        return None
    if (scripts["HIRAGANA"] + scripts["KATAKANA"]) * 20 > total:
        return "ja"
    script = scripts.most_common(1)[0][0]
    if script in _SCRIPTS:
        return _SCRIPTS[script]
    candidates = _CYRILLIC if script == "CYRILLIC" else [code for code in _WORDS if code not in _CYRILLIC]
    found = re.findall(r"[^\W\d_]+", text.lower())
    hits = {code: sum(1 for word in found if word in _WORDS[code]) for code in candidates}
    best, second = sorted(hits.values(), reverse=True)[:2]
    if best == second or best * 20 < len(found):
        return None
    return max(hits, key=lambda code: hits[code])
