"""Values as plain data: what `check` writes into a cell's output and what the grader reads back.

Here belongs the format of the payload, both directions, and its strict reading: a payload
comes from untrusted code. Nothing here judges a value (that is `compare`) or displays one.

A payload is JSON: `{"schema", "id", "seed", "values": {name: value}}`. A value is an array
(dtype, shape, base64 of the little-endian bytes in C order: exact, NaN and infinities
included), a text, or the name of a type that carries no data. Containers are flattened:
`grads={"W": ...}` becomes `grads.W`, `out=(a, b)` becomes `out[0]` and `out[1]`.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

MIME = "application/vnd.unrolled.check+json"
SCHEMA = "unrolled/check/v1"

DTYPES: tuple[str, ...] = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
DTYPES += ("float16", "float32", "float64")
MAX_VALUES = 200
MAX_BYTES = 8_000_000
MAX_TEXT = 20_000
MAX_DIMS = 8
_NAME = re.compile(r"[A-Za-z_][\w.\[\]-]{0,99}")


class PayloadError(ValueError):
    """A payload that is not of the format; the message says what is wrong with it."""


@dataclass(frozen=True)
class Other:
    """A value that carries no numbers: `None`, `...`, an object of some class."""

    type_name: str


Value = np.ndarray | str | Other


@dataclass(frozen=True)
class Payload:
    """What one check cell produced: `id` of the check, `seed` of its inputs, named values."""

    id: str
    seed: int
    values: dict[str, Value]


def flatten(name: str, value: Any) -> dict[str, Value]:
    """Name every leaf of `value`: `{"h": array}`, `{"out[0]": array, ...}`, `{"p.W": array}`."""
    if isinstance(value, Mapping):
        return _merge(flatten(f"{name}.{key}", item) for key, item in value.items())
    if isinstance(value, (list, tuple)) and not _is_numeric(value):
        return _merge(flatten(f"{name}[{i}]", item) for i, item in enumerate(value))
    return {name: _leaf(value)}


def encode(check_id: str, seed: int, values: Mapping[str, Value]) -> dict[str, Any]:
    """The JSON form of a payload."""
    encoded = {name: _encode_value(value) for name, value in values.items()}
    return {"schema": SCHEMA, "id": check_id, "seed": seed, "values": encoded}


def decode(data: object) -> Payload:
    """Read a payload, trusting nothing: types, names, dtypes, shapes and sizes are all checked.

    Raises
    ------
    PayloadError
        If `data` is anything but a payload of this schema within the size limits.
    """
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        raise PayloadError(f"not a payload of schema {SCHEMA}")
    check_id, seed, values = data.get("id"), data.get("seed"), data.get("values")
    if not isinstance(check_id, str) or not isinstance(seed, int) or isinstance(seed, bool):
        raise PayloadError("the payload's id or seed has the wrong type")
    if not isinstance(values, dict) or len(values) > MAX_VALUES:
        raise PayloadError(f"the payload holds no values, or more than {MAX_VALUES}")
    decoded: dict[str, Value] = {}
    budget = MAX_BYTES
    for name, value in values.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise PayloadError("a value of the payload has no proper name")
        decoded[name] = _decode_value(name, value, budget)
        budget -= getattr(decoded[name], "nbytes", 0)
    return Payload(check_id, seed, decoded)


def _merge(parts: Any) -> dict[str, Value]:
    merged: dict[str, Value] = {}
    for part in parts:
        merged.update(part)
    return merged


def _is_numeric(value: Any) -> bool:
    """Whether a list or tuple is a (nested) list of plain numbers, hence one array."""
    if isinstance(value, (list, tuple)):
        lengths = {len(item) if isinstance(item, (list, tuple)) else -1 for item in value}
        return len(lengths) == 1 and all(_is_numeric(item) for item in value)
    return isinstance(value, (bool, int, float, np.generic))


def _leaf(value: Any) -> Value:
    if isinstance(value, str):
        return value[:MAX_TEXT]
    if hasattr(value, "detach") and hasattr(value, "cpu"):  # a torch tensor, torch not imported
        value = value.detach().cpu()
        if str(value.dtype) == "torch.bfloat16":
            value = value.float()
        value = value.resolve_conj().resolve_neg().numpy()
    if value is None or value is Ellipsis or callable(value):
        return Other(type(value).__name__)
    try:
        array = np.array(value)
    except Exception:  # an object's own __array__ may raise anything
        return Other(type(value).__name__)
    if array.dtype == np.longdouble:
        array = array.astype(np.float64)
    return array if array.dtype.name in DTYPES else Other(type(value).__name__)


def _encode_value(value: Value) -> dict[str, Any]:
    if isinstance(value, str):
        return {"kind": "text", "text": value}
    if isinstance(value, Other):
        return {"kind": "other", "type": value.type_name}
    little = np.ascontiguousarray(value).astype(value.dtype.newbyteorder("<"), copy=False)
    data = base64.b64encode(little.tobytes()).decode("ascii")
    return {"kind": "array", "dtype": value.dtype.name, "shape": list(value.shape), "data": data}


def _decode_value(name: str, value: object, budget: int) -> Value:
    if not isinstance(value, dict):
        raise PayloadError(f"`{name}` is not a value of the payload's format")
    if value.get("kind") == "text" and isinstance(value.get("text"), str):
        return str(value["text"])[:MAX_TEXT]
    if value.get("kind") == "other" and isinstance(value.get("type"), str):
        return Other(str(value["type"])[:100])
    if value.get("kind") != "array":
        raise PayloadError(f"`{name}` is not a value of the payload's format")
    return _decode_array(name, value, budget)


def _decode_array(name: str, value: dict[str, Any], budget: int) -> np.ndarray:
    dtype, shape, data = value.get("dtype"), value.get("shape"), value.get("data")
    if dtype not in DTYPES or not isinstance(data, str):
        raise PayloadError(f"`{name}` is not a value of the payload's format")
    if not isinstance(shape, list) or len(shape) > MAX_DIMS:
        raise PayloadError(f"`{name}` has no proper shape")
    size = np.dtype(dtype).itemsize
    for axis in shape:
        if not isinstance(axis, int) or isinstance(axis, bool) or not 0 <= axis <= MAX_BYTES:
            raise PayloadError(f"`{name}` has no proper shape")
        size *= axis  # a Python int: it cannot overflow
    if size > budget or len(data) > 4 * (size + 2) // 3 + 4:
        raise PayloadError(f"the payload is larger than {MAX_BYTES} bytes")
    try:
        raw = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise PayloadError(f"the data of `{name}` are not base64") from error
    if len(raw) != size:
        raise PayloadError(f"the data of `{name}` do not fill its shape")
    little = np.frombuffer(raw, dtype=np.dtype(dtype).newbyteorder("<"))
    try:
        return little.astype(np.dtype(dtype)).reshape(shape)
    except ValueError as error:  # an axis of length 0 beside ones that NumPy cannot count
        raise PayloadError(f"`{name}` has no proper shape") from error
