"""The weights of a text's words and characters, hashed as scikit-learn's `HashingVectorizer` does."""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import lru_cache, reduce
from operator import add

from leeway.model.compiled.description import TextPart, decoded

WORD = re.compile(r"\b\w\w+\b")
SPACES = re.compile(r"\s\s+")
REMEMBERED = 1 << 16  # hashes, of which most texts share the most frequent
LOWEST = -(2**31)
MASK = 0xFFFFFFFF

Weights = tuple[list[int], list[float]]
"""Buckets in order, and the weight of each."""


def weights(part: TextPart) -> Callable[[str], Weights]:
    """Make the function from a text to the TF-IDF weights of its buckets, of length 1 together."""
    idf = decoded(part.idf).tolist()
    buckets = len(idf)
    runs = _words if part.unit == "word" else _characters

    def of(text: str) -> Weights:
        counts = Counter(bucket(run, buckets) for run in runs(text.lower(), part.shortest, part.longest))
        found = sorted(counts)
        own = [(math.log(counts[place]) + 1.0) * idf[place] for place in found]
        length = math.sqrt(reduce(add, [weight * weight for weight in own], 0.0))
        return found, [weight / length for weight in own] if length else own

    return of


@lru_cache(REMEMBERED)
def bucket(text: str, buckets: int) -> int:
    """Return the bucket of some text."""
    hashed = murmur(text.encode())
    return (2**31 - buckets) % buckets if hashed == LOWEST else abs(hashed) % buckets


def murmur(data: bytes) -> int:
    """Hash bytes to a signed integer of 4 bytes (Appleby, MurmurHash3_x86_32, seed 0)."""
    hashed, whole = 0, len(data) & ~3
    for place in range(0, whole, 4):
        block = int.from_bytes(data[place : place + 4], "little") * 0xCC9E2D51 & MASK
        hashed ^= (block << 15 | block >> 17) * 0x1B873593 & MASK
        hashed = ((hashed << 13 | hashed >> 19) & MASK) * 5 + 0xE6546B64 & MASK
    if whole < len(data):
        block = int.from_bytes(data[whole:], "little") * 0xCC9E2D51 & MASK
        hashed ^= (block << 15 | block >> 17) * 0x1B873593 & MASK
    hashed ^= len(data)
    hashed = (hashed ^ hashed >> 16) * 0x85EBCA6B & MASK
    hashed = (hashed ^ hashed >> 13) * 0xC2B2AE35 & MASK
    hashed ^= hashed >> 16
    return hashed - 2**32 if hashed >= 2**31 else hashed


def _words(text: str, shortest: int, longest: int) -> Iterator[str]:
    words = WORD.findall(text)
    for length in range(shortest, min(longest, len(words)) + 1):
        for first in range(len(words) - length + 1):
            yield " ".join(words[first : first + length])


def _characters(text: str, shortest: int, longest: int) -> Iterator[str]:
    """Yield runs of characters within words, which have a space on either side; a short word once."""
    for word in SPACES.sub(" ", text).split():
        padded = f" {word} "
        for length in range(shortest, longest + 1):
            yield padded[:length]
            for first in range(1, len(padded) - length + 1):
                yield padded[first : first + length]
            if length >= len(padded):
                break
