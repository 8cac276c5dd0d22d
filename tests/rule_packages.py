"""Packages of rules that tests plant: each module writes into a file which process imported it."""

from pathlib import Path

WRITES_WHO_IMPORTS_IT = """
import os
from pathlib import Path
with open({record!r}, "a") as record:
    arguments = Path("/proc/self/cmdline").read_bytes().replace(b"\\0", b" ").decode().strip()
    record.write(f"{{os.getpid()}} {{os.getppid()}} {{sorted(os.environ)}} {{arguments}}\\n")
"""
RULE = """
from dataclasses import dataclass
from typing import ClassVar
import numpy as np
from backtest.errors import FieldError
from backtest.fields import Field
from backtest.rules import Rule

@dataclass(frozen=True, slots=True)
class Planted(Rule):
    name = "PLANTED"
    label = {label!r}
    help = "Holds from the first bar on."
    params: ClassVar[tuple[Field, ...]] = (
        Field(name="bars", kind="int", label="Bars", default=3, low=1, high=100, help="How many."),
    )
    bars: int = 3

    @property
    def warmup(self):
        return 0

    def exposure(self, prices):
        return np.ones(len(prices))

    @classmethod
    def mistakes(cls, values):
        odd = values.get("bars", 0) == 13
        return [FieldError("params.bars", "must not be 13", 13)] if odd else []
"""


PLUGIN_GROUPS = {
    "pydantic": "planted",
    "alembic.plugins": "planted",
    "numba_extensions": "init",
    "sqlalchemy.dialects": "planted",
    "sqlalchemy.plugins": "planted",
    "matplotlib.backend": "planted",
    "flask.commands": "planted",
    "gunicorn.workers": "gthread",
    "gunicorn.loggers": "planted",
    "pandas_plotting_backends": "planted",
    "pygments.lexers": "planted",
}
"""Groups under which libraries look for plugins, with a name that they load of each."""


def plant(
    folder: Path, code: str, *, name: str = "planted", rules: str = "PLANTED = planted:Planted"
) -> Path:
    """A folder for PYTHONPATH in which a package of that name is installed; its module is `code`."""
    about = folder / f"{name}-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    plugins = [f"[{group}]\n{entry} = {name}_plugin:plugin\n" for group, entry in PLUGIN_GROUPS.items()]
    (about / "entry_points.txt").write_text("".join([f"[stock_backtest.rules]\n{rules}\n", *plugins]))
    (folder / f"{name}.py").write_text(code)
    (folder / f"{name}_plugin.py").write_text("def plugin(*arguments, **named): pass")
    return folder


def plant_recording(folder: Path, record: Path, *, label: str = "Planted") -> Path:
    """The same with a rule PLANTED that works, and that writes into `record` who imports it."""
    writes = WRITES_WHO_IMPORTS_IT.format(record=str(record))
    plant(folder, writes + RULE.format(label=label))
    with (folder / "planted_plugin.py").open("a") as plugin:
        plugin.write(writes)
    return folder
