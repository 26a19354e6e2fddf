"""SSH targets against Debian's own sshd."""

import asyncio
from collections.abc import Iterator
import logging
from pathlib import Path
import re
import socket
import subprocess
import sys
import time

import pytest

from custom_components.omron_ups.shutdown.errors import UnreachableError
from custom_components.omron_ups.shutdown.findings import FindingKey
from custom_components.omron_ups.shutdown.models import Outcome, Reason
from custom_components.omron_ups.shutdown.specs import TargetSpec
from custom_components.omron_ups.shutdown.ssh_keys import (
    KeyPair,
    forced_line,
    generate_key_pair,
    parse_host_key,
)
from custom_components.omron_ups.shutdown.target import StopContext
from custom_components.omron_ups.shutdown.targets import ssh
from custom_components.omron_ups.shutdown.targets.ssh import COMMAND, SshTarget, fetch_host_key
from tests.shutdown.sshd import SSHD, Sshd, running_sshd

CONTEXT = StopContext(plan_id="p1", reason=Reason.REQUEST, time_left_s=60)

pytestmark = pytest.mark.skipif(not SSHD, reason="Debian's openssh-server is not here")


@pytest.fixture(scope="module")
def pair() -> KeyPair:
    return generate_key_pair()


@pytest.fixture
def sshd(tmp_path: Path, pair: KeyPair) -> Iterator[Sshd]:
    with running_sshd(tmp_path) as sshd:
        sshd.authorize(pair.public_key)
        yield sshd


def target(sshd: Sshd, pair: KeyPair, **options: object) -> SshTarget:
    base: dict[str, object] = {
        "host": "127.0.0.1",
        "port": sshd.port,
        "username": sshd.username,
        "private_key": pair.private_key,
        "host_key": sshd.host_key,
        "command": "true",
    }
    spec = TargetSpec(
        target_id="t1",
        name="server",
        kind="ssh",
        stage=1,
        time_limit_s=60,
        options={**base, **options},
    )
    return SshTarget(spec)


def appears(path: Path) -> None:
    for _ in range(300):
        if path.exists():
            return
        time.sleep(0.1)
    raise AssertionError(f"{path.name} did not appear")


async def test_a_command_that_succeeds_is_accepted(sshd: Sshd, pair: KeyPair) -> None:
    done = sshd.folder / "done"
    reply = await target(sshd, pair, command=f"touch {done}").send(COMMAND, CONTEXT)
    assert reply.outcome is Outcome.ACCEPTED
    assert done.exists()


async def test_a_non_zero_exit_is_a_refusal_with_the_hosts_words(sshd: Sshd, pair: KeyPair) -> None:
    command = "echo 'sudo: a password is required' >&2; exit 1"
    reply = await target(sshd, pair, command=command).send(COMMAND, CONTEXT)
    assert reply.outcome is Outcome.REFUSED
    assert reply.detail == "exit status 1: sudo: a password is required"
    assert reply.was_sent


async def test_of_many_words_the_first_500_characters_are_kept(sshd: Sshd, pair: KeyPair) -> None:
    command = "yes x | head -c 5000000 >&2; yes y | head -c 5000000; exit 3"
    reply = await target(sshd, pair, command=command).send(COMMAND, CONTEXT)
    assert reply.outcome is Outcome.REFUSED
    assert reply.detail.startswith("exit status 3: x x x")
    assert len(reply.detail) == 500


@pytest.mark.parametrize(
    "command",
    [
        pytest.param("kill -9 $PPID", id="the session's server is killed"),
        pytest.param("kill -9 $$", id="the shell is killed"),
        pytest.param("kill -TERM $$", id="the shell is ended"),
        pytest.param("sh -c 'kill -TERM $$'; exit $?", id="its child is ended"),
    ],
)
async def test_a_host_that_dies_during_the_command_leaves_the_outcome_unknown(
    sshd: Sshd, pair: KeyPair, command: str
) -> None:
    reply = await target(sshd, pair, command=command).send(COMMAND, CONTEXT)
    assert reply.outcome is Outcome.UNKNOWN
    assert reply.was_sent


async def test_a_command_that_hangs_is_unknown_and_goes_on_over_there(
    sshd: Sshd, pair: KeyPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssh, "REQUEST_LIMIT_S", 2.0)
    done = sshd.folder / "done"
    reply = await target(sshd, pair, command=f"sleep 3; touch {done}").send(COMMAND, CONTEXT)
    assert reply.outcome is Outcome.UNKNOWN
    assert not done.exists()
    await asyncio.to_thread(appears, done)


async def test_a_forced_command_gets_our_words_and_runs_nothing_else(
    sshd: Sshd, pair: KeyPair
) -> None:
    heard = sshd.folder / "heard"
    program = sshd.program("ups-shutdown", f'echo "$SSH_ORIGINAL_COMMAND" > {heard}')
    sshd.authorize(forced_line(pair.public_key, str(program)))
    evil = sshd.folder / "evil"
    reply = await target(sshd, pair, command=f"poweroff; touch {evil}").send(COMMAND, CONTEXT)
    assert reply.outcome is Outcome.ACCEPTED
    assert heard.read_text() == f"poweroff; touch {evil}\n"
    assert not evil.exists()


async def test_preflight_logs_in_and_runs_nothing(sshd: Sshd, pair: KeyPair) -> None:
    ran = sshd.folder / "ran"
    sshd.authorize(forced_line(pair.public_key, str(sshd.program("stop", f"touch {ran}"))))
    assert await target(sshd, pair).preflight() == ()
    assert not ran.exists()
    assert "Accepted publickey" in sshd.log


async def test_preflight_tells_a_check_command_that_fails(sshd: Sshd, pair: KeyPair) -> None:
    assert await target(sshd, pair, check_command="true").preflight() == ()
    (found,) = await target(sshd, pair, check_command="echo no right >&2; false").preflight()
    assert found.key == FindingKey.REFUSED
    assert "no right" in found.placeholders["detail"]


async def test_another_host_key_ends_before_we_say_who_we_are(sshd: Sshd, pair: KeyPair) -> None:
    confirmed = sshd.host_key
    sshd.stop()
    sshd.change_host_key()
    sshd.start()
    changed = target(sshd, pair, host_key=confirmed)
    reply = await changed.send(COMMAND, CONTEXT)
    assert reply.outcome is Outcome.REFUSED
    assert not reply.was_sent
    assert parse_host_key(sshd.host_key).fingerprint in reply.detail
    (found,) = await changed.preflight()
    assert found.key == FindingKey.IDENTITY_CHANGED
    assert "publickey" not in sshd.log


async def test_any_of_the_hosts_keys_may_be_the_confirmed_one(sshd: Sshd, pair: KeyPair) -> None:
    sshd.stop()
    sshd.make_keys("rsa", "ecdsa", "ed25519")
    sshd.start()
    shown = await fetch_host_key("127.0.0.1", port=sshd.port)
    assert shown.line == sshd.key_line("ed25519"), "the one that ssh would show"
    for algorithm in sshd.host_keys:
        line = sshd.key_line(algorithm)
        reply = await target(sshd, pair, host_key=line).send(COMMAND, CONTEXT)
        assert reply.outcome is Outcome.ACCEPTED


async def test_a_host_without_a_key_of_the_confirmed_algorithm_was_sent_nothing(
    sshd: Sshd, pair: KeyPair
) -> None:
    """It hangs up before it shows anything, so nobody knows why."""
    confirmed = sshd.host_key
    sshd.stop()
    sshd.make_keys("ecdsa")
    sshd.start()
    reply = await target(sshd, pair, host_key=confirmed).send(COMMAND, CONTEXT)
    assert (reply.outcome, reply.was_sent) == (Outcome.UNKNOWN, False)
    assert "publickey" not in sshd.log


async def test_a_key_that_is_not_authorized_is_refused(sshd: Sshd, pair: KeyPair) -> None:
    sshd.authorize()
    stranger = target(sshd, pair)
    reply = await stranger.send(COMMAND, CONTEXT)
    assert (reply.outcome, reply.was_sent) == (Outcome.REFUSED, False)
    (found,) = await stranger.preflight()
    assert found.key == FindingKey.CREDENTIALS_REFUSED


async def test_a_host_that_is_off_was_sent_nothing(sshd: Sshd, pair: KeyPair) -> None:
    off = target(sshd, pair)
    sshd.stop()
    reply = await off.send(COMMAND, CONTEXT)
    assert (reply.outcome, reply.was_sent) == (Outcome.UNKNOWN, False)
    (found,) = await off.preflight()
    assert found.key == FindingKey.UNREACHABLE


async def test_a_host_that_accepts_and_says_nothing_was_sent_nothing(
    sshd: Sshd, pair: KeyPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssh, "LOGIN_LIMIT_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        reply = await target(sshd, pair, port=mute.getsockname()[1]).send(COMMAND, CONTEXT)
    assert (reply.outcome, reply.was_sent) == (Outcome.UNKNOWN, False)


async def test_restore_runs_its_command_only_after_a_stop_of_ours(
    sshd: Sshd, pair: KeyPair
) -> None:
    done = sshd.folder / "restored"
    restoring = target(sshd, pair, restore_command=f"touch {done}")
    assert (await restoring.restore(())).outcome is Outcome.NOTHING_TO_DO
    assert not done.exists()
    assert (await restoring.restore((COMMAND,))).outcome is Outcome.ACCEPTED
    assert done.exists()
    assert (await target(sshd, pair).restore((COMMAND,))).outcome is Outcome.NOTHING_TO_DO


async def test_rehearsal_runs_nothing_and_says_what_it_would(sshd: Sshd, pair: KeyPair) -> None:
    done = sshd.folder / "done"
    assert await target(sshd, pair, command=f"touch {done}").rehearse() == (
        f"run `touch {done}` on 127.0.0.1",
    )
    assert not done.exists()
    assert "Accepted" not in sshd.log


async def test_the_key_shown_for_confirmation_is_the_hosts(sshd: Sshd) -> None:
    shown = await fetch_host_key("127.0.0.1", port=sshd.port)
    assert shown.line == sshd.host_key
    listing = await asyncio.create_subprocess_exec(
        "ssh-keygen", "-l", "-f", sshd.folder / "host_key.pub", stdout=asyncio.subprocess.PIPE
    )
    listed = (await listing.communicate())[0].decode()
    assert shown.fingerprint in listed
    sshd.stop()
    with pytest.raises(UnreachableError):
        await fetch_host_key("127.0.0.1", port=sshd.port)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"private_key": "planted-secret"}, "private_key"),
        ({"host_key": "ssh-ed25519 planted-secret"}, "host_key"),
        ({"host_key": ""}, "host_key"),
        ({"port": 0}, "port"),
        ({"username": ""}, "username"),
    ],
)
async def test_an_option_that_cannot_be_used_is_named_and_not_repeated(
    sshd: Sshd, pair: KeyPair, options: dict[str, object], named: str
) -> None:
    (found,) = await target(sshd, pair, **options).preflight()
    assert found.key == FindingKey.OPTIONS_INVALID
    assert named in found.placeholders["detail"]
    assert "planted-secret" not in repr(found)


async def test_a_name_instead_of_an_address_is_a_warning(sshd: Sshd, pair: KeyPair) -> None:
    (found,) = await target(sshd, pair, host="localhost").preflight()
    assert found.key == FindingKey.ADDRESS_IS_NAME


async def test_the_private_key_shows_nowhere(
    sshd: Sshd, pair: KeyPair, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    body = pair.private_key.splitlines()[2]
    says = target(sshd, pair, command=f"echo '{pair.private_key}' >&2; exit 1")
    reply = await says.send(COMMAND, CONTEXT)
    assert reply.outcome is Outcome.REFUSED
    assert pair.private_key not in reply.detail
    everything = "".join((repr(says), repr(says.spec), repr(pair), repr(reply), str(vars(says))))
    assert body not in everything
    own = [record for record in caplog.records if record.name.startswith("custom_components")]
    assert body not in "".join(record.getMessage() for record in own)


def test_importing_the_kind_does_not_import_asyncssh() -> None:
    module = SshTarget.__module__
    code = f"import sys, {module}; sys.exit('asyncssh' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def documented_program() -> str:
    """Return the forced command that docs/targets.md recommends."""
    text = (Path(__file__).parents[3] / "docs/targets.md").read_text()
    blocks: list[str] = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    (program,) = [block for block in blocks if block.startswith("#!")]
    return program


async def test_the_forced_command_of_the_documentation(sshd: Sshd, pair: KeyPair) -> None:
    heard = sshd.folder / "heard"
    sshd.program("sudo", f'echo "$*" >> {heard}')
    program = documented_program().replace("sudo ", f"{sshd.folder}/sudo ")
    sshd.authorize(forced_line(pair.public_key, str(sshd.program("ups-shutdown", program))))
    documented = target(sshd, pair, command="poweroff", check_command="check")
    assert await documented.preflight() == ()
    assert heard.read_text() == "-n -l /usr/bin/systemctl poweroff\n"
    assert (await documented.send(COMMAND, CONTEXT)).outcome is Outcome.ACCEPTED
    assert heard.read_text().endswith("\n-n /usr/bin/systemctl poweroff\n")
    reply = await target(sshd, pair, command="reboot").send(COMMAND, CONTEXT)
    assert (reply.outcome, reply.detail) == (Outcome.REFUSED, "exit status 64: not allowed")
