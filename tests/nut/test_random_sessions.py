"""Random conversations: upsd's answers where they are to be equal, invariants everywhere."""

import random

from custom_components.omron_ups.nut.session import COMMANDS

from .shared import Served, exchange, until

SEED = 9271
ARGUMENTS = ("ups", "UPS", "gone", "stale", "nope", "ups.status", "Ups.Mfr", "nope.var", "x", '""')
WORDS = (
    *("USERNAME", "PASSWORD", "LOGIN", "PRIMARY", "MASTER", "FSD", "NETVER", "SET", "SET VAR"),
    *("INSTCMD", "GET", "GET VAR", "GET TYPE", "GET UPSDESC", "GET TRACKING", "GET FOO", "FOO"),
    *("LIST", "LIST UPS", "LIST VAR", "LIST RW", "LIST CMD", "LIST ENUM", "LIST RANGE", "STARTTLS"),
    *("USERNAME sec", "PASSWORD secpw", "LOGIN ups", "get numlogins ups", "list client ups"),
)
GENERATED = ("UPS", "ups", '"', "\\", "#", "=", "é", "x" * 700, "\t", "%s", "../x", "__class__")


def conversation(rng: random.Random) -> str:
    """Return requests whose answers do not depend on what only one of the servers can do."""
    lines = ["USERNAME sec", "PASSWORD secpw"] if rng.random() < 0.5 else []
    for _ in range(rng.randint(1, 12)):
        words = rng.choice(WORDS)
        room = 3 - words.count(" ") if words.startswith("INSTCMD") else 4
        lines.append(" ".join((words, *rng.choices(ARGUMENTS, k=rng.randint(0, room)))))
    return "".join(f"{line}\n" for line in lines)


async def test_conversations_go_as_with_upsd(served: Served, upsd: int) -> None:
    rng = random.Random(SEED)  # noqa: S311 - repeatable on purpose
    for _ in range(200):
        text = conversation(rng)
        assert await exchange(served.port, text) == await exchange(upsd, text), text
        await until(served.ups, lambda: not served.ups.clients)


async def test_each_request_gets_one_reply_of_whole_lines(served: Served) -> None:
    rng = random.Random(SEED)  # noqa: S311 - repeatable on purpose
    heads = [word for word in COMMANDS if word not in ("LOGOUT", "DETACH", "LIST")]
    for _ in range(300):
        lines = [
            " ".join((rng.choice(heads), *rng.choices(GENERATED, k=rng.randint(0, 6))))
            for _ in range(rng.randint(1, 10))
        ]
        # An open quote or a final backslash would join the lines.
        lines = [line for line in lines if '"' not in line and not line.endswith("\\")]
        text = "".join(f"{line}\n" for line in lines)
        replies = (await exchange(served.port, text.encode())).splitlines(keepends=True)
        assert len(replies) == len(lines), text
        assert all(len(reply) <= 511 and reply.endswith(b"\n") for reply in replies)
        assert b"".join(replies).isascii()
