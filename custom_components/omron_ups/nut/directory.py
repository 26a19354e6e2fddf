"""Which UPS a name means on one server."""

from collections.abc import Callable, Sequence
from typing import override

from .errors import NameTakenError
from .ups import Names, NutUps


class Directory(Names):
    """The UPSes of a server by their names, which are the same in upper and lower case."""

    def __init__(self) -> None:
        """Begin without any UPS, which upsd calls ALLOW_NO_DEVICE."""
        self._upses: list[NutUps] = []
        self._by_name: dict[str, NutUps] = {}

    @property
    def upses(self) -> Sequence[NutUps]:
        """Return the UPSes in the order in which they came."""
        return self._upses

    def find(self, name: str) -> NutUps | None:
        """Return the UPS of that name or alias."""
        return self._by_name.get(name.lower())

    def add(self, ups: NutUps) -> Callable[[], None]:
        """Serve a UPS; the undo closes the clients that are logged in to it.

        Raises:
            NameTakenError: Another UPS has one of its names.

        """
        self.check_names(ups, ups.names)
        if ups in self._upses:
            raise NameTakenError(f"The UPS {ups.name!r} is served here already")
        self._upses.append(ups)
        self.names_changed()
        unwatch = ups.watch_names(self)

        def undo() -> None:
            if ups not in self._upses:
                return
            self._upses.remove(ups)
            unwatch()
            self.names_changed()
            ups.drop_clients(self)

        return undo

    @override
    def check_names(self, ups: NutUps, names: Sequence[str]) -> None:
        for name in names:
            if self.find(name) not in (None, ups):
                raise NameTakenError(f"Another UPS of this server is called {name!r}")

    @override
    def names_changed(self) -> None:
        self._by_name = {name.lower(): ups for ups in self._upses for name in ups.names}
