from collections.abc import Callable
import ctypes

from usb.backend import IBackend

class _LibUSB(IBackend):
    lib: ctypes.CDLL
    def __init__(self, lib: ctypes.CDLL) -> None: ...

_lib_object: _LibUSB | None

def get_backend(find_library: Callable[[str], str | None] | None = None) -> _LibUSB | None: ...
