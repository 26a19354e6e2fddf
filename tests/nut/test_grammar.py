"""How bytes become requests and words."""

from collections.abc import Iterable
from itertools import pairwise
import random

import pytest

from custom_components.omron_ups.nut.errors import RequestTooLongError
from custom_components.omron_ups.nut.grammar import RequestReader, WordCache, Words

from .shared import Served, exchange

SEED = 9271
LIMIT = 4096


def read(chunks: Iterable[bytes], cache: WordCache | None = None) -> list[Words]:
    reader = RequestReader(limit=LIMIT, cache=cache or WordCache())
    requests = []
    for chunk in chunks:
        reader.feed(chunk)
        while (words := reader.next_request()) is not None:
            requests.append(words)
    return requests


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"GET VAR ups ups.load", ("GET", "VAR", "ups", "ups.load")),
        (b"  GET\t VAR\x0b\x0cups \r\r", ("GET", "VAR", "ups")),
        (b"", ()),
        (b" \t\r", ()),
        (b"# comment", ()),
        (b"ups.load#x y", ("ups.load",)),
        (b"a #b", ("a",)),
        (b"a=b", ("a", "=", "b")),
        (b"= ==", ("=", "=", "=")),
        (b'"a b" c', ("a b", "c")),
        (b'"a"b', ("a", "b")),
        (b'a"b c"', ('a"b', 'c"')),
        (b'""', ("",)),
        (b'"a#b" c', ("a#b", "c")),
        (rb'"a\"\\\#b"', ('a"\\#b',)),
        (rb"a\ b \#c\=d", ("a b", "#c=d")),
        (b"a\\\nb", ("ab",)),
        (b'"a\\\nb"', ("ab",)),
        (b'"a\nb" c', ("ab", "c")),
        (b"\x00a\xff\x7fb\x01", ("a\x7fb",)),
        (b"\x01 a", ("", "a")),
        (b"a" * 600, ("a" * 512,)),
        (b'"' + b"a" * 600 + b'"', ("a" * 512,)),
        (b"a " * 40, ("a",) * 32),
        (b'"a" ' * 40, ("a",) * 32),
    ],
)
def test_words_of_a_line(line: bytes, words: Words) -> None:
    assert read([line + b"\n"]) == [words]


def test_open_quote_waits_for_the_rest() -> None:
    assert read([b'VER "\nVER\n']) == []
    assert read([b'VER "\nVER\n', b'" x\nHELP\n']) == [("VER", "VER", "x"), ("HELP",)]


def test_partial_tells_whether_a_request_has_begun() -> None:
    reader = RequestReader(limit=LIMIT, cache=WordCache())
    assert not reader.partial
    for chunk, partial in ((b"VE", True), (b"R\n", False), (b'"\n', True), (b'"\n', False)):
        reader.feed(chunk)
        reader.next_request()
        assert reader.partial is partial


@pytest.mark.parametrize("opening", [b"", b"\\", b'"'])
def test_request_of_the_limit_is_read_and_one_more_byte_is_refused(opening: bytes) -> None:
    filler = b"a" * (LIMIT - len(opening))
    assert read([opening + filler[1:]]) == []
    for refused in (filler + b"a", filler + b"a\n"):
        with pytest.raises(RequestTooLongError):
            read([opening + refused])


def test_request_is_bounded_also_when_it_trickles_in_over_many_lines() -> None:
    with pytest.raises(RequestTooLongError):
        read([b'"a\n', *[b"a\n"] * LIMIT])


def test_common_lines_split_the_same_from_the_cache() -> None:
    cache = WordCache()
    lines = [b" get  VAR ups ups.load\n", b'LIST VAR "ups"\n', b"LIST VAR ups\n"]
    assert read(lines, cache) == read(lines, cache) == read(lines)
    assert cache.get(b"LIST VAR ups") == ("LIST", "VAR", "ups")


def test_cache_keeps_no_credentials() -> None:
    cache = WordCache()
    read([b"USERNAME getter\n", b"PASSWORD secret\n", b"GETTER x\n"], cache)
    assert cache.get(b"PASSWORD secret") is None
    assert cache.get(b"USERNAME getter") is None


def test_cache_is_bounded() -> None:
    cache = WordCache()
    first = b"LIST VAR 0"
    read((b"LIST VAR %d\n" % number for number in range(4096)), cache)
    assert cache.get(first) is not None
    read([b"LIST VAR 4096\n"], cache)
    assert cache.get(first) is None
    assert cache.get(b"LIST VAR 4096") is not None


ALPHABET = [b"a", b"bc", b" ", b"  ", b"\t", b"=", b"\\", b"\r", b"\n", b"\x01", b"\xfe", b"\x7f"]


def samples(count: int, *specials: bytes) -> list[bytes]:
    rng = random.Random(SEED)  # noqa: S311 - repeatable on purpose
    symbols = [*ALPHABET, *specials]
    return [b"".join(rng.choices(symbols, k=rng.randint(1, 24))) for _ in range(count)]


@pytest.mark.parametrize("text", samples(300, b'"', b"#"))
def test_splitting_does_not_depend_on_how_the_bytes_arrive(text: bytes) -> None:
    rng = random.Random(SEED)  # noqa: S311 - repeatable on purpose
    whole = read([text])
    assert read(text[i : i + 1] for i in range(len(text))) == whole
    cuts = sorted(rng.sample(range(len(text) + 1), min(3, len(text))))
    edges = [0, *cuts, len(text)]
    assert read(text[a:b] for a, b in pairwise(edges)) == whole


@pytest.mark.parametrize("special", [b'"', b"#"])
async def test_splitting_is_that_of_upsd(special: bytes, served: Served, upsd: int) -> None:
    """GET DESC echoes its word, which shows how it was split; `#` in quotes is ours alone."""
    for sample in samples(250, special):
        request = b"GET DESC ups " + sample + b"\nGET DESC ups x" + sample + b"\n"
        assert await exchange(served.port, request) == await exchange(upsd, request), request
