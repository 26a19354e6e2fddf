"""What GET and LIST answer but GET TRACKING; anybody may ask, as with upsd."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from . import replies
from .descriptions import COMMANDS, VARIABLES
from .directory import Directory
from .grammar import Words
from .replies import block, line, valued
from .ups import NutUps, Variable

# The fifth word is the version to WinNUT. 2.8.0 is the protocol spoken, the rest says by whom.
VERSION: Final = "2.8.0-omron_ups"
VERSION_LINE: Final = f"Network UPS Tools upsd {VERSION} - https://www.networkupstools.org/"

_NO_DESCRIPTION: Final = "Description unavailable"
_STATUS: Final = "ups.status"
_SERVER_PREFIX: Final = "server."
_SERVER_VARIABLES: Final = {"server.info": VERSION_LINE, "server.version": VERSION}


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A form of GET or LIST: the words it needs, its own two included, and who answers it."""

    words: int
    answer: Callable[[Directory, Words], bytes]


def get(directory: Directory, words: Words) -> bytes:
    """Answer a GET request (RFC 9271 section 4.2.4); empty for GET TRACKING, the session's own."""
    return _answer(_GET, directory, words)


def list_(directory: Directory, words: Words) -> bytes:
    """Answer a LIST request (RFC 9271 section 4.2.7)."""
    return _answer(_LIST, directory, words)


def _answer(table: dict[str, Query], directory: Directory, words: Words) -> bytes:
    if len(words) < 2:  # noqa: PLR2004 - the command and what it asks for
        return replies.INVALID_ARGUMENT
    query = table.get(words[1].upper())
    if query is None or len(words) < query.words:
        return replies.INVALID_ARGUMENT
    return query.answer(directory, words)


def _of_ups(answer: Callable[[NutUps, Words], bytes]) -> Callable[[Directory, Words], bytes]:
    """Return a handler that answers for every known UPS, whatever the state of its data."""

    def handler(directory: Directory, words: Words) -> bytes:
        ups = directory.find(words[2])
        return replies.UNKNOWN_UPS if ups is None else answer(ups, words)

    return handler


def _of_data(answer: Callable[[NutUps, Words], bytes]) -> Callable[[Directory, Words], bytes]:
    """Return a handler that answers only while the UPS has fresh data."""

    def handler(directory: Directory, words: Words) -> bytes:
        ups = directory.find(words[2])
        if ups is None:
            return replies.UNKNOWN_UPS
        return ups.refusal() or answer(ups, words)

    return handler


def _of_variable(
    answer: Callable[[NutUps, Variable, Words], bytes],
) -> Callable[[Directory, Words], bytes]:
    """Return a handler that answers only for a variable that the UPS has."""

    def for_ups(ups: NutUps, words: Words) -> bytes:
        variable = ups.variable(words[3])
        return replies.VAR_NOT_SUPPORTED if variable is None else answer(ups, variable, words)

    return _of_data(for_ups)


def _shown(ups: NutUps, spelling: str, variable: Variable) -> str:
    """Return the value, for ups.status with FSD in front if it is set for the name asked for."""
    if variable.name == _STATUS and ups.is_forced_shutdown(spelling):
        return f"FSD {variable.value}"
    return variable.value


def _get_ups_variable(ups: NutUps, variable: Variable, words: Words) -> bytes:
    return line(valued(f"VAR {words[2]} {words[3]}", _shown(ups, words[2], variable)))


_of_ups_variable = _of_variable(_get_ups_variable)


def _get_variable(directory: Directory, words: Words) -> bytes:
    """Answer GET VAR; what belongs to the server comes first, under any UPS name (upsd 2.8.0)."""
    name = words[3].lower()
    if not name.startswith(_SERVER_PREFIX):
        return _of_ups_variable(directory, words)
    value = _SERVER_VARIABLES.get(name)
    if value is None:
        return replies.VAR_NOT_SUPPORTED
    return line(f'VAR {words[2]} {name} "{value}"')


def _get_type(_ups: NutUps, variable: Variable, words: Words) -> bytes:
    rule = variable.writable
    flags = ""
    kind = "NUMBER"
    if rule is not None:
        flags = f"RW{' ENUM' if rule.enum else ''}{' RANGE' if rule.ranges else ''} "
        kind = "NUMBER" if rule.max_length is None else f"STRING:{rule.max_length}"
    return line(f"TYPE {words[2]} {words[3]} {flags}{kind}")


def _get_description(_ups: NutUps, words: Words) -> bytes:
    text = VARIABLES.get(words[3].lower(), _NO_DESCRIPTION)
    return line(f'DESC {words[2]} {words[3]} "{text}"')


def _get_command_description(_ups: NutUps, words: Words) -> bytes:
    text = COMMANDS.get(words[3].lower(), _NO_DESCRIPTION)
    return line(f'CMDDESC {words[2]} {words[3]} "{text}"')


def _get_ups_description(ups: NutUps, words: Words) -> bytes:
    return line(valued(f"UPSDESC {words[2]}", ups.description or "Unavailable"))


def _get_logins(ups: NutUps, words: Words) -> bytes:
    """Answer also without data: a primary takes an error for "nobody left to wait for"."""
    return line(f"{words[1].upper()} {words[2]} {ups.logins}")


def _list_upses(directory: Directory, _words: Words) -> bytes:
    return block(
        "UPS",
        (valued(f"UPS {ups.name}", ups.description or _NO_DESCRIPTION) for ups in directory.upses),
    )


def _list_variables(ups: NutUps, words: Words) -> bytes:
    prefix = f"VAR {words[2]}"
    return ups.prepared(
        ("VAR", words[2]),
        lambda: block(
            prefix,
            (valued(f"{prefix} {v.name}", _shown(ups, words[2], v)) for v in ups.variables),
        ),
    )


def _list_writable(ups: NutUps, words: Words) -> bytes:
    """Answer without FSD, which is no part of what can be written."""
    prefix = f"RW {words[2]}"
    return ups.prepared(
        ("RW", words[2]),
        lambda: block(
            prefix,
            (valued(f"{prefix} {v.name}", v.value) for v in ups.variables if v.writable),
        ),
    )


def _list_commands(ups: NutUps, words: Words) -> bytes:
    prefix = f"CMD {words[2]}"
    return ups.prepared(
        ("CMD", words[2]), lambda: block(prefix, (f"{prefix} {name}" for name in ups.commands))
    )


def _list_enum(_ups: NutUps, variable: Variable, words: Words) -> bytes:
    prefix = f"ENUM {words[2]} {words[3]}"
    values = variable.writable.enum if variable.writable else ()
    return block(prefix, (valued(prefix, value) for value in values))


def _list_range(_ups: NutUps, variable: Variable, words: Words) -> bytes:
    prefix = f"RANGE {words[2]} {words[3]}"
    ranges = variable.writable.ranges if variable.writable else ()
    return block(prefix, (f'{prefix} "{low}" "{high}"' for low, high in ranges))


def _list_clients(ups: NutUps, words: Words) -> bytes:
    """Answer in the client's spelling, where upsd 2.8.0 puts its own: libnutclient compares."""
    prefix = f"CLIENT {words[2]}"
    return block(prefix, (f"{prefix} {client.address}" for client in ups.clients))


_GET: Final[dict[str, Query]] = {
    "VAR": Query(words=4, answer=_get_variable),
    "TYPE": Query(words=4, answer=_of_variable(_get_type)),
    "DESC": Query(words=4, answer=_of_data(_get_description)),
    "CMDDESC": Query(words=4, answer=_of_data(_get_command_description)),
    "UPSDESC": Query(words=3, answer=_of_ups(_get_ups_description)),
    "NUMLOGINS": Query(words=3, answer=_of_ups(_get_logins)),
    "NUMATTACH": Query(words=3, answer=_of_ups(_get_logins)),
    "TRACKING": Query(words=2, answer=lambda _directory, _words: b""),
}

_LIST: Final[dict[str, Query]] = {
    "UPS": Query(words=2, answer=_list_upses),
    "VAR": Query(words=3, answer=_of_data(_list_variables)),
    "RW": Query(words=3, answer=_of_data(_list_writable)),
    "CMD": Query(words=3, answer=_of_data(_list_commands)),
    "CLIENT": Query(words=3, answer=_of_ups(_list_clients)),
    "ENUM": Query(words=4, answer=_of_variable(_list_enum)),
    "RANGE": Query(words=4, answer=_of_variable(_list_range)),
}
