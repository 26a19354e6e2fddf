"""Drives NUT's C++ client library through its C functions; run as a program, writes what it got."""

from ctypes import CDLL, POINTER, c_char_p, c_int, c_uint16, c_void_p
import sys

LIBRARY = "libnutclient.so.2"
_CALLS = (
    ("get_devices", "strings", ()),
    ("has_device", "number", ("ups",)),
    ("has_device", "number", ("nope",)),
    ("get_device_description", "text", ("ups",)),
    ("get_device_variables", "strings", ("ups",)),
    ("get_device_rw_variables", "strings", ("ups",)),
    ("get_device_commands", "strings", ("ups",)),
    ("has_device_variable", "number", ("ups", "ups.status")),
    ("get_device_variable_description", "text", ("ups", "ups.status")),
    ("get_device_variable_values", "strings", ("ups", "ups.id")),
    ("get_device_variable_values", "strings", ("ups", "Zeta.var")),
    ("get_device_command_description", "text", ("ups", "load.off")),
    ("device_login", "nothing", ("ups",)),
    ("get_device_num_logins", "number", ("ups",)),
    ("device_master", "nothing", ("ups",)),
    ("device_primary", "nothing", ("ups",)),
    ("execute_device_command", "nothing", ("ups", "beeper.mute", "")),
    ("set_device_variable_value", "nothing", ("ups", "ups.id", 'a "b" \\c')),
    ("device_forced_shutdown", "nothing", ("spare",)),
)
_RESULTS = {"strings": POINTER(c_char_p), "text": c_char_p, "number": c_int, "nothing": None}


def main() -> None:
    """Connect to a port, make every call, and write each with its result."""
    port, user, password = sys.argv[1:]
    library = CDLL(LIBRARY)
    library.nutclient_tcp_create_client.restype = c_void_p
    library.nutclient_tcp_create_client.argtypes = (c_char_p, c_uint16)
    client = c_void_p(library.nutclient_tcp_create_client(b"127.0.0.1", int(port)))
    library.nutclient_authenticate(client, user.encode(), password.encode())
    for name, kind, arguments in _CALLS:
        function = getattr(library, f"nutclient_{name}")
        function.restype = _RESULTS[kind]
        result = function(client, *(argument.encode() for argument in arguments))
        if kind == "strings":
            # The C functions keep sets in no order.
            result = sorted(iter(iter(result).__next__, None)) if result else None
        sys.stdout.write(f"{' '.join((name, *arguments))} -> {result}\n")
    library.nutclient_logout(client)


if __name__ == "__main__":
    main()
