"""Split the bytes of a client into requests and words, as upsd 2.8 does."""

from collections.abc import Callable
import re
from typing import Final

from .errors import RequestTooLongError

type Words = tuple[str, ...]
type _State = Callable[[int], _State | None]

MAX_WORD: Final = 512
MAX_WORDS: Final = 32

_LF: Final = 0x0A
_SPACE: Final = 0x20
_QUOTE: Final = ord('"')
_HASH: Final = ord("#")
_EQUALS: Final = ord("=")
_BACKSLASH: Final = ord("\\")
_BLANKS: Final = frozenset(b"\t\x0b\x0c\r ")
_WORD_ENDS: Final = _BLANKS | {_LF, _HASH, _EQUALS}
_LAST_KEPT: Final = 0x7F

# No quote, backslash, comment, equals sign or byte to drop: blanks alone separate the words.
_PLAIN: Final = re.compile(rb"[\t\x0b\x0c\r !$-<>-\[\]-\x7f]*")
_CACHED: Final = re.compile(rb"\s*(?:GET|LIST)\s", re.IGNORECASE)
_CACHE_SIZE: Final = 4096


class WordCache:
    """Remember how common request lines split; shared by all clients of a server.

    Only GET and LIST are kept, so that no password stays behind.
    """

    __slots__ = ("_words",)

    def __init__(self) -> None:
        """Begin empty."""
        self._words: dict[bytes, Words] = {}

    def get(self, raw: bytes) -> Words | None:
        """Return the words of a line that was seen before."""
        return self._words.get(raw)

    def remember(self, raw: bytes, words: Words) -> None:
        """Keep the words of a line that may be kept."""
        if not _CACHED.match(raw):
            return
        if len(self._words) >= _CACHE_SIZE:
            self._words.clear()
        self._words[raw] = words


class RequestReader:
    """Collect the bytes of one client and hand out its requests one by one."""

    __slots__ = ("_buffer", "_cache", "_limit", "_splitter", "_start")

    def __init__(self, *, limit: int, cache: WordCache) -> None:
        """Accept requests of up to `limit` bytes."""
        self._limit = limit
        self._cache = cache
        self._buffer = b""
        self._start = 0
        self._splitter: _Splitter | None = None

    @property
    def partial(self) -> bool:
        """Tell whether bytes are waiting for the rest of their request."""
        return self._splitter is not None or self._start < len(self._buffer)

    def feed(self, data: bytes) -> None:
        """Add bytes that the client sent."""
        self._buffer = self._buffer[self._start :] + data
        self._start = 0

    def next_request(self) -> Words | None:
        """Return the words of the next complete request, or None until more bytes come.

        Raises:
            RequestTooLongError: The request has more bytes than the limit.

        """
        if self._splitter is not None:
            return self._split_on(self._splitter)
        end = self._buffer.find(b"\n", self._start)
        if (end if end >= 0 else len(self._buffer)) - self._start > self._limit:
            raise RequestTooLongError
        if end < 0:
            return None
        raw = self._buffer[self._start : end]
        words = self._cache.get(raw)
        if words is None:
            if not _PLAIN.fullmatch(raw):
                return self._split_on(_Splitter())
            words = tuple(word[:MAX_WORD].decode("ascii") for word in raw.split()[:MAX_WORDS])
            self._cache.remember(raw, words)
        self._start = end + 1
        return words

    def _split_on(self, splitter: _Splitter) -> Words | None:
        end = splitter.consume(self._buffer, self._start)
        if splitter.consumed > self._limit:
            raise RequestTooLongError
        if end is None:
            self._splitter = splitter
            self._buffer = b""
            self._start = 0
            return None
        self._splitter = None
        self._start = end
        return splitter.words


class _Splitter:
    """Split one request byte by byte, quotes, escapes and comments included.

    Each state takes a byte and returns the next state, or None once the request is complete.
    """

    __slots__ = ("_state", "_word", "_words", "consumed")

    def __init__(self) -> None:
        self.consumed = 0
        self._state: _State = self._between
        self._word = bytearray()
        self._words: list[str] = []

    @property
    def words(self) -> Words:
        return tuple(self._words)

    def consume(self, data: bytes, start: int) -> int | None:
        """Read on; return the offset behind the request, or None if its end is still to come."""
        for offset in range(start, len(data)):
            state = self._state(data[offset])
            self.consumed += 1
            if state is None:
                return offset + 1
            self._state = state
        return None

    def _between(self, byte: int) -> _State | None:
        if byte in _BLANKS:
            return self._between
        if byte == _QUOTE:
            return self._quoted
        return self._bare_or_end(byte)

    def _bare(self, byte: int) -> _State | None:
        # A word of nothing but dropped bytes is an empty word, not none.
        if byte in _WORD_ENDS:
            self._end_word()
        if byte in _BLANKS:
            return self._between
        return self._bare_or_end(byte)

    def _bare_or_end(self, byte: int) -> _State | None:
        if byte == _LF:
            return None
        if byte == _HASH:
            return self._comment
        if byte == _BACKSLASH:
            return self._bare_escape
        self._add(byte)
        if byte == _EQUALS:
            self._end_word()
            return self._between
        return self._bare

    def _bare_escape(self, byte: int) -> _State:
        self._add(byte)
        return self._bare

    def _quoted(self, byte: int) -> _State:
        if byte == _BACKSLASH:
            return self._quoted_escape
        if byte == _QUOTE:
            self._end_word()
            return self._between
        self._add(byte)
        return self._quoted

    def _quoted_escape(self, byte: int) -> _State:
        self._add(byte)
        return self._quoted

    def _comment(self, byte: int) -> _State | None:
        return None if byte == _LF else self._comment

    def _add(self, byte: int) -> None:
        if _SPACE <= byte <= _LAST_KEPT and len(self._word) < MAX_WORD:
            self._word.append(byte)

    def _end_word(self) -> None:
        if len(self._words) < MAX_WORDS:
            self._words.append(self._word.decode("ascii"))
        self._word.clear()
