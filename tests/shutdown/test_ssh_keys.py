"""Keys for SSH targets; that a real sshd accepts them is shown in targets/test_ssh.py."""

import asyncssh
import pytest

from custom_components.omron_ups.shutdown.errors import OptionError
from custom_components.omron_ups.shutdown.ssh_keys import (
    forced_line,
    generate_key_pair,
    parse_host_key,
)


def test_a_pair_is_ed25519_and_belongs_together() -> None:
    pair = generate_key_pair()
    private = asyncssh.import_private_key(pair.private_key)
    assert pair.public_key.startswith("ssh-ed25519 ")
    assert pair.public_key.endswith(" omron_ups")
    assert private.get_fingerprint() == parse_host_key(pair.public_key).fingerprint


def test_each_pair_is_another_and_the_private_half_has_no_repr() -> None:
    one, other = generate_key_pair(), generate_key_pair()
    assert one.private_key != other.private_key
    assert one.private_key.splitlines()[1] not in repr(one)
    assert "PRIVATE" not in repr(one)


def test_a_forced_command_is_quoted() -> None:
    assert forced_line("ssh-ed25519 AAAA omron_ups", "/usr/local/sbin/ups-shutdown") == (
        'restrict,command="/usr/local/sbin/ups-shutdown" ssh-ed25519 AAAA omron_ups'
    )


@pytest.mark.parametrize("program", ['/bin/x" ssh-ed25519', "/bin/x\nssh-rsa", "/bin/\\"])
def test_a_program_cannot_break_out_of_the_quotes(program: str) -> None:
    with pytest.raises(OptionError):
        forced_line("ssh-ed25519 AAAA omron_ups", program)


def test_a_host_key_may_have_a_comment() -> None:
    line = generate_key_pair().public_key
    assert parse_host_key(f"  {line} root@host \n").line == " ".join(line.split()[:2])


@pytest.mark.parametrize(
    "line", ["", "ssh-ed25519", "ssh-ed25519 !!!!", "ssh-rsa {key}", "nas ssh-ed25519 {key}"]
)
def test_what_is_no_host_key_is_not_taken(line: str) -> None:
    key = generate_key_pair().public_key.split()[1]
    with pytest.raises(OptionError):
        parse_host_key(line.format(key=key))
