"""A vendor's OpenAPI 3.0 document as JSON Schema: nullable, allOf, discriminators, formats; unknown fields refused."""

import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, cast

from jsonschema import Draft202012Validator, FormatChecker

SPECS = Path(__file__).resolve().parent.parent.parent / "shared" / "specs"

Schema = dict[str, Any]

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
# Looser than RFC 3339 on purpose: the vendor's own examples leave the zone out in places.
_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7})?(Z|[+-]\d\d:\d\d)?")
_TIME = re.compile(r"\d\d:\d\d(:\d\d)?")


def _formats() -> FormatChecker:
    checker = FormatChecker(formats=())

    def text(name: str, pattern: re.Pattern[str]) -> None:
        checker.checks(name)(lambda v: not isinstance(v, str) or pattern.fullmatch(v) is not None)

    def whole(name: str, bits: int) -> None:
        checker.checks(name)(lambda v: not isinstance(v, int) or -(2 ** (bits - 1)) <= v < 2 ** (bits - 1))

    text("uuid", _UUID)
    text("date-time", _STAMP)
    text("time", _TIME)
    whole("int32", 32)
    whole("int64", 64)
    return checker


class Document:
    """One OpenAPI document. Schemas are flattened: allOf is merged, a base with a discriminator becomes a choice."""

    def __init__(self, data: Schema) -> None:
        self.data = data
        self._defs: dict[str, Schema] = {}
        self._formats = _formats()

    def operation(self, path: str, method: str = "get") -> Schema | None:
        return cast("Schema | None", self.data["paths"].get(path, {}).get(method))

    def parameters(self, path: str, method: str = "get") -> dict[str, Schema]:
        """The schema of each query parameter by name."""
        operation = self.operation(path, method) or {}
        found = [self.resolve(p) for p in operation.get("parameters", ())]
        return {p["name"]: self.resolve(p.get("schema", {})) for p in found if p["in"] == "query"}

    def response(self, path: str, status: int = 200, method: str = "get") -> Draft202012Validator:
        """What validates the JSON body of an answer. Raises KeyError when the document has no such answer."""
        operation = self.operation(path, method)
        if operation is None:
            raise KeyError(path)
        answer = self.resolve(operation["responses"][str(status)])
        return self.validator(answer["content"]["application/json"]["schema"])

    def validator(self, schema: Schema) -> Draft202012Validator:
        top = self._convert(schema)
        return Draft202012Validator({**top, "$defs": self._defs}, format_checker=self._formats)

    def resolve(self, schema: Schema) -> Schema:
        while "$ref" in schema:
            found: Any = self.data
            for part in schema["$ref"].removeprefix("#/").split("/"):
                found = found[part.replace("~1", "/").replace("~0", "~")]
            schema = found
        return schema

    def _convert(self, schema: Schema) -> Schema:
        if "$ref" in schema:
            return self._named(schema["$ref"].rsplit("/", 1)[1], schema, self._open)
        return self._open(schema)

    def _named(self, name: str, schema: Schema, make: Callable[[Schema], Schema]) -> Schema:
        key = f"{make.__name__.strip('_')}-{name}"
        if key not in self._defs:
            self._defs[key] = {}  # set before it is filled: schemas may contain themselves
            self._defs[key].update(make(self.resolve(schema)))
        return {"$ref": f"#/$defs/{key}"}

    def _open(self, schema: Schema) -> Schema:
        mapping = schema.get("discriminator", {}).get("mapping")
        if mapping:
            return self._choice(schema, mapping)
        if schema.get("type") == "array":
            return self._nullable(schema, {"type": "array", "items": self._convert(schema.get("items", {}))})
        if "properties" in schema or "allOf" in schema or schema.get("type") == "object":
            return self._closed(schema)
        kept: Schema = {k: schema[k] for k in ("type", "format", "enum", "minimum", "maximum") if k in schema}
        return self._nullable(schema, kept)

    def _choice(self, schema: Schema, mapping: dict[str, str]) -> Schema:
        """The discriminator picks the schema; a word without a mapping may be the base or any of its kinds.

        (1.3-rev0 and 1.3-rev1 map LinuxPhysical and forget WindowsPhysical.)
        """
        word = schema["discriminator"]["propertyName"]
        rules: list[Schema] = [
            {
                "if": {"properties": {word: {"const": value}}, "required": [word]},
                "then": self._named(target.rsplit("/", 1)[1], {"$ref": target}, self._closed),
            }
            for value, target in mapping.items()
        ]
        others = [self._closed(schema), *(self._closed(self.resolve(s)) for s in schema.get("oneOf", ()))]
        other = {"if": {"properties": {word: {"enum": list(mapping)}}}, "else": {"anyOf": others}}
        return {"type": "object", "required": [word], "allOf": [*rules, other]}

    def _closed(self, schema: Schema) -> Schema:
        """An object with all the fields of its bases, and no others."""
        properties, required = self._fields(schema)
        made: Schema = {"type": "object"}
        if properties or required:
            made["properties"] = {k: self._convert(v) for k, v in properties.items()}
            # 1.1-rev0 requires fields that it defines nowhere (`paltformName`): no answer could be as documented.
            made |= {"required": sorted(required & properties.keys()), "additionalProperties": False}
        return self._nullable(schema, made)

    def _fields(self, schema: Schema) -> tuple[dict[str, Schema], set[str]]:
        properties: dict[str, Schema] = {}
        required: set[str] = set()
        for base in schema.get("allOf", ()):
            inherited, needed = self._fields(self.resolve(base))
            properties |= inherited
            required |= needed
        return properties | schema.get("properties", {}), required | set(schema.get("required", ()))

    def _nullable(self, schema: Schema, made: Schema) -> Schema:
        return {"anyOf": [made, {"type": "null"}]} if schema.get("nullable") else made


@cache
def load(path: Path) -> Document:
    return Document(json.loads(path.read_text(encoding="utf-8")))


def faults(validator: Draft202012Validator, body: object) -> list[str]:
    """Every violation as "where: what"."""
    found = sorted(validator.iter_errors(body), key=lambda e: e.json_path)
    return [f"{e.json_path}: {e.message[:200]}" for e in found]
