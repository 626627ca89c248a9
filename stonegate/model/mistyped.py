"""What a mistyped word was meant to be: the hint of many failures."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher

#: How much of a word has to be right, of 1, to be taken for a mistyped one.
_LIKE = 0.7
#: Letters from which on a word may be meant as the beginning of a part of another, and how many such are worth naming.
_SHORTEST, _FEW = 3, 6


def did_you_mean(word: str, known: Iterable[str], otherwise: str) -> str:
    """The hint for a mistyped word: the known words that are nearest to it, or `otherwise` if none is near."""
    nearest = nearest_words(word, known)
    return f"did you mean {' or '.join(nearest)}?" if nearest else otherwise


def nearest_words(word: str, known: Iterable[str]) -> list[str]:
    """Those of the known words that a mistyped one may have been meant to be, or one of whose parts it begins."""
    known = tuple(known)
    begun = [each for each in known if f"-{_folded(word)}" in f"-{_folded(each)}"]
    if len(word) >= _SHORTEST and 0 < len(begun) <= _FEW:
        return begun

    def likeness(each: str) -> float:
        matcher = SequenceMatcher(None, _folded(word), _folded(each))
        # A word that is too long to be near is not looked through: it may be one of megabytes.
        return matcher.ratio() if matcher.real_quick_ratio() >= _LIKE else 0.0

    likely = {each: likeness(each) for each in known}
    best = max(likely.values(), default=0.0)
    return [each for each, like in likely.items() if like > best - 0.02] if best >= _LIKE else []


def _folded(word: str) -> str:
    return word.lower().replace("_", "-")
