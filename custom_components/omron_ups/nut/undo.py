"""Register something in a way that can be taken back."""

from collections.abc import Callable


def listed[T](items: list[T], item: T) -> Callable[[], None]:
    """Append the item; returns what removes it, once."""
    items.append(item)

    def undo() -> None:
        if item in items:
            items.remove(item)

    return undo
