"""A folder of imported prices for the command line, with the bundled samples always beside them."""

from __future__ import annotations

import hashlib
import json
import os
import re
from difflib import get_close_matches
from pathlib import Path

from backtest import samples
from backtest.errors import FieldError, InvalidFile, InvalidRequest
from backtest.prices.dataset import Dataset, InvalidPayload
from backtest.prices.symbols import is_symbol

_POINTER = ".current.json"


class Library:
    """Datasets by symbol: the bundled ones, and whatever was added to `folder`, which wins.

    Each version of a symbol is a file of its own, named by its content and never changed. A small
    file beside it says which version is current, so neither clocks nor time stamps of files matter.
    Files appear whole or not at all. A symbol is part of a file's name only in letters and digits.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def symbols(self) -> list[str]:
        """Every symbol that `get` knows, in alphabetical order."""
        return sorted({*samples.SYMBOLS, *self._imported()})

    def hashes(self) -> dict[str, str]:
        """The `data_hash` of each symbol's current version; reads no prices but the samples'."""
        imported = self._imported()
        bundled = {name: samples.load(name).data_hash for name in samples.SYMBOLS if name not in imported}
        return dict(sorted((bundled | imported).items()))

    def get(self, symbol: str, *, field: str = "symbols") -> Dataset:
        """The current version of a symbol.

        Raises
        ------
        InvalidRequest
            Where there is none; names `field` and the nearest symbols that exist.
        InvalidFile
            Where its file in the folder, or the one that names the current version, was altered or cut off.
        """
        data_hash = self._current(symbol) if is_symbol(symbol) else None
        if data_hash:
            return self._read(symbol, data_hash)
        if symbol in samples.SYMBOLS:
            return samples.load(symbol)
        raise InvalidRequest([FieldError(field, _unknown(symbol, self.symbols()), symbol)])

    def add(self, dataset: Dataset) -> Path:
        """Keep the dataset as its symbol's current version; the file that holds it."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._path(dataset.symbol, dataset.data_hash)
        if not _holds(path, dataset):
            _write(path, dataset.encode())
        pointer = {"symbol": dataset.symbol, "data_hash": dataset.data_hash}
        _write(self._pointer(dataset.symbol), json.dumps(pointer).encode())
        return path

    def _imported(self) -> dict[str, str]:
        return dict(_pointed(path) for path in sorted(self.folder.glob(f"*{_POINTER}")))

    def _current(self, symbol: str) -> str | None:
        path = self._pointer(symbol)
        if not path.exists():
            return None
        named, data_hash = _pointed(path)
        if named != symbol:
            raise _damaged(path)
        return data_hash

    def _read(self, symbol: str, data_hash: str) -> Dataset:
        path = self._path(symbol, data_hash)
        try:
            dataset = Dataset.decode(path.read_bytes())
        except (OSError, InvalidPayload) as error:
            raise InvalidFile(f"cannot be read; import {symbol} again ({error})", file=str(path)) from error
        if dataset.data_hash != data_hash:
            raise InvalidFile(f"was modified; import {symbol} again", file=str(path))
        return dataset

    def _path(self, symbol: str, data_hash: str) -> Path:
        return self.folder / f"{_stem(symbol)}.{data_hash}.dataset"

    def _pointer(self, symbol: str) -> Path:
        return self.folder / f"{_stem(symbol)}{_POINTER}"


def _stem(symbol: str) -> str:
    # the digest keeps BRK.A and BRK-A, or goog and GOOG on a disk that ignores case, apart
    readable = re.sub(r"[^A-Za-z0-9]", "_", symbol)
    return f"{readable}.{hashlib.sha256(symbol.encode()).hexdigest()[:12]}"


def _pointed(path: Path) -> tuple[str, str]:
    """The symbol that a file points to and the hash of its current version.

    A damaged file is an error: to pass over it would compute on the bundled sample, or on nothing, in silence.
    """
    try:
        pointer = json.loads(path.read_bytes())
        symbol, data_hash = pointer["symbol"], pointer["data_hash"]
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        raise _damaged(path) from None
    if not (
        isinstance(symbol, str) and isinstance(data_hash, str) and re.fullmatch("[0-9a-f]{64}", data_hash)
    ):
        raise _damaged(path)
    return symbol, data_hash


def _damaged(path: Path) -> InvalidFile:
    text = "does not name the current version of a symbol; import the symbol again, or delete this file"
    return InvalidFile(text, file=str(path))


def _holds(path: Path, dataset: Dataset) -> bool:
    try:
        return Dataset.decode(path.read_bytes()).data_hash == dataset.data_hash
    except (OSError, InvalidPayload):
        return False


def _write(path: Path, content: bytes) -> None:
    import tempfile  # a run only reads

    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _unknown(symbol: str, known: list[str]) -> str:
    near = get_close_matches(symbol.upper(), known, n=1)
    hint = f"; did you mean {near[0]}?" if near else "."
    return f"No price data for {symbol[:40]}{hint} Available: {', '.join(known[:50])}"
