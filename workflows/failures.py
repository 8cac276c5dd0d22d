"""Why a run failed, as it is stored and shown."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

_CODE = re.compile(r"[a-z][a-z0-9_]{0,63}")
_LONGEST_MESSAGE = 4_000


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a run failed: a code for machines and a sentence for people."""

    code: str
    message: str

    @classmethod
    def from_json(cls, content: object) -> Self:
        """The failure that a step left as JSON, cut to what a row holds; `ValueError` where it is none.

        A step runs code of rule packages, so what it leaves is not trusted.
        """
        fields = content if isinstance(content, dict) else {}
        code, message = fields.get("error_code"), fields.get("error_message")
        if not isinstance(code, str) or not _CODE.fullmatch(code) or not isinstance(message, str):
            raise ValueError("it needs error_code, a word, and error_message, a text")
        storable = message[:_LONGEST_MESSAGE].encode("utf-8", "backslashreplace").decode()
        return cls(code, storable.replace("\0", ""))


def snake_case(name: str) -> str:
    """The name of an error class as the code of a failure."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
