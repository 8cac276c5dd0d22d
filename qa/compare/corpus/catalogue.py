"""The rules, request fields and sort orders that the old product documents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from qa.compare.product import Product

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The descriptions from which requests are generated, so that new rules and fields are covered automatically."""

    rules: Mapping[str, Mapping[str, Schema]]
    fields: Mapping[str, Schema]
    required: tuple[str, ...]
    sorts: tuple[str, ...]

    @classmethod
    def read(cls, product: Product) -> Self:
        """Read them from the product's API."""
        description = product.json("/openapi.json")
        request = description["components"]["schemas"]["Request"]
        return cls(
            rules={
                rule["name"]: {param["name"]: param["schema"] for param in rule["params"]}
                for rule in product.json("/api/rules")["rules"]
            },
            fields=request["properties"],
            required=tuple(request["required"]),
            sorts=_choices(description["paths"]["/api/runs"]["get"]["parameters"], "sort"),
        )


def _choices(parameters: list[Schema], name: str) -> tuple[str, ...]:
    return next((tuple(each["schema"]["enum"]) for each in parameters if each["name"] == name), ())


def kinds(schema: Schema) -> set[str]:
    """The JSON types that a field accepts."""
    kind = schema.get("type", "string")
    return {kind} if isinstance(kind, str) else set(kind)


def right_values(schema: Schema) -> Iterator[Any]:
    """Valid values other than the default."""
    default = schema.get("default")
    if "enum" in schema:
        yield from (choice for choice in schema["enum"] if choice != default)
    elif kinds(schema) & {"number", "integer"} and default is not None:
        changed, high = default * 1.5 or 1, schema.get("maximum", 1e9)
        value = changed if changed <= high else (default + high) / 2
        yield int(value) if "integer" in kinds(schema) else value


def edge_values(schema: Schema) -> Iterator[Any]:
    """Values at and around each bound of a field."""
    for name in ("minimum", "exclusiveMinimum", "maximum"):
        if (bound := schema.get(name)) is not None:
            yield from (bound, bound - 1, bound + 1, bound - 1e-9, bound * 1.000_001, str(bound))
    if "enum" in schema:
        yield from (f"{schema['enum'][0]}x", schema["enum"][0].upper(), schema["enum"][0][:-1])
    if "maxLength" in schema:
        yield from ("x" * schema["maxLength"], "x" * (schema["maxLength"] + 1))
    if schema.get("format") == "date":
        yield from ("2020-02-30", "2020-13-01", "01/02/2020", "20200101", "2020-1-1", "1800-01-01", 20200101)
        yield from ("9999-12-31", "2020-01-01T00:00:00", " 2020-01-01", "２０２０-01-01")
