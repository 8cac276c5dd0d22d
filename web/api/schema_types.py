"""Types of single values in the answers, with the keywords of JSON Schema that no Python type tells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from store.models import Status as RunStatus


@dataclass(frozen=True, slots=True, eq=False)
class _Also:
    """Keywords of JSON Schema that no Python type tells; Pydantic asks for them, and is not loaded for it here."""

    keywords: dict[str, Any]

    def __get_pydantic_json_schema__(self, core_schema: Any, handler: Any) -> dict[str, Any]:
        described: dict[str, Any] = handler(core_schema)
        return described | self.keywords


Timestamp = Annotated[str, _Also({"format": "date-time"})]
Day = Annotated[str, _Also({"format": "date"})]
StatusName = Annotated[str, _Also({"enum": [str(status) for status in RunStatus]})]
Fraction = Annotated[float, _Also({"minimum": 0, "maximum": 1})]
Base64 = Annotated[str, _Also({"contentEncoding": "base64"})]
Json = dict[str, Any]
Values = list[float | None]
