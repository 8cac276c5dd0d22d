"""Typed values from environment variables: each field of a settings class declares the variable it is read from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field, fields
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")
_READ = "read"


class Environment:
    """Reads variables and collects every mistake; a variable that is missing or empty has its default."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self.variables = variables
        self._problems: dict[str, None] = {}

    @property
    def problems(self) -> list[str]:
        """What is wrong, each mistake once, in the order of reading."""
        return list(self._problems)

    def complain(self, problem: str) -> None:
        """Note a mistake."""
        self._problems[problem] = None

    def text(self, name: str, default: str = "") -> str:
        """The variable as it is."""
        return self.variables.get(name) or default

    def whole(self, name: str, default: int, low: int, high: int) -> int:
        """A whole number within bounds."""
        text = self.text(name, str(default))
        try:
            number = int(text)
        except ValueError:
            number = low - 1
        if not low <= number <= high:
            self.complain(f"{name} must be a whole number from {low} to {high}, got {text!r}")
            return default
        return number

    def choice(self, name: str, default: str, *others: str) -> str:
        """One of a few words."""
        text = self.text(name, default)
        if text not in (default, *others):
            self.complain(f"{name} must be one of {', '.join((default, *others))}, got {text!r}")
            return default
        return text

    def listed(self, name: str) -> tuple[str, ...]:
        """Texts that are separated by commas."""
        return tuple(part.strip() for part in self.text(name).split(",") if part.strip())

    def address(self, name: str) -> str:
        """The address of a web site, or nothing."""
        text = self.text(name).rstrip("/")
        parts = urlsplit(text)
        if text and (parts.scheme not in ("http", "https") or not parts.hostname):
            self.complain(f"{name} must be a URL such as https://backtest.example.com, got {text!r}")
            return ""
        return text

    def read(self, settings: type[T]) -> T:
        """An instance of a dataclass whose fields were declared by the functions below."""
        declared = {each.name: each.metadata.get(_READ) for each in fields(settings)}  # type: ignore[arg-type]
        return settings(**{name: read(self) for name, read in declared.items() if read is not None})


def variable(default: object, read: Callable[[Environment], object], **options: Any) -> Any:
    """A field that `read` takes from the environment; `default` is its value where nothing is set."""
    return field(default=default, metadata={_READ: read}, **options)


def text(name: str, default: str = "", *, secret: bool = False) -> Any:
    """A field with any text; a secret one is left out of `repr`."""
    return variable(default, lambda env: env.text(name, default), repr=not secret)


def whole(name: str, default: int, low: int, high: int) -> Any:
    """A field with a whole number within bounds."""
    return variable(default, lambda env: env.whole(name, default, low, high))


def choice(name: str, default: str, *others: str) -> Any:
    """A field with one of a few words."""
    return variable(default, lambda env: env.choice(name, default, *others))


def path(name: str, default: str) -> Any:
    """A field with a path."""
    return variable(Path(default), lambda env: Path(env.text(name, default)))


def listed(name: str) -> Any:
    """A field with texts that are separated by commas."""
    return variable((), lambda env: env.listed(name))


def address(name: str) -> Any:
    """A field with the address of a web site, or nothing."""
    return variable("", lambda env: env.address(name))


def group(settings: type[Any]) -> Any:
    """A field with settings of its own."""
    return variable(settings(), lambda env: env.read(settings))
