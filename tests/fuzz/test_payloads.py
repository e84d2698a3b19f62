"""Any JSON is a payload or a `PayloadError`, and takes no more memory than the limits say."""

from __future__ import annotations

import base64
import json
import tracemalloc
from typing import Any

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autograder.compare import compare, distance
from autograder.diagnose import Mistake, diagnose
from autograder.keys import load_key
from autograder.payload import (
    DTYPES,
    MAX_BYTES,
    MAX_TEXT,
    MAX_VALUES,
    SCHEMA,
    Other,
    Payload,
    PayloadError,
    decode,
    encode,
)

CASES = settings(max_examples=400, deadline=None, derandomize=True, database=None)
REFERENCES = [check.reference for check in load_key("equations").checks]

leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10)
anything = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)
ODD_NAMES = ("h", "out[0]", "a\n", "\ud800", "")
ODD_AXES = (-1, 0, 1, MAX_BYTES, MAX_BYTES + 1, 2**31, 2**63, 10**30, True, 1.0, "1", None)
ODD_DTYPES = ("object", "O", "V8", "U4", "M8[s]", ">f8", "complex64", "")
names = st.from_regex(r"[A-Za-z_][\w.\[\]-]{0,9}", fullmatch=True) | st.sampled_from(ODD_NAMES)
axes = st.integers(0, 4) | st.sampled_from(ODD_AXES)


@st.composite
def arrays(draw: st.DrawFn) -> dict[str, Any]:
    """An array of the format, or nearly."""
    dtype = draw(st.sampled_from(DTYPES) | st.sampled_from(ODD_DTYPES))
    shape = draw(st.lists(st.integers(0, 4), max_size=3) | st.lists(axes, max_size=10))
    count = 1
    for axis in shape:
        count *= axis if isinstance(axis, int) and 0 <= axis <= 8 else 1
    size = min(count, 4096) * (np.dtype(dtype).itemsize if dtype in DTYPES else 1)
    fill = draw(st.binary(min_size=1, max_size=16))
    wrong = draw(st.sampled_from([0, 0, 0, 0, 1, -1]))
    text = base64.b64encode((fill * (size // len(fill) + 1))[: max(0, size + wrong)]).decode()
    tail = draw(st.sampled_from(["", "", "", "", "=", "\n", "é", "\ud800", "A"]))
    kind = draw(st.sampled_from(["array"] * 9 + ["text", "other"]))
    return {"kind": kind, "dtype": dtype, "shape": shape, "data": text + tail}


others = st.fixed_dictionaries({"kind": st.just("other"), "type": st.text(max_size=200) | anything})
texts = st.fixed_dictionaries({"kind": st.just("text"), "text": st.text(max_size=50) | anything})
payloads = st.fixed_dictionaries({
    "schema": st.just(SCHEMA) | anything, "id": st.text() | anything, "seed": st.integers() | anything,
    "values": st.dictionaries(names, arrays() | others | texts | anything, max_size=4) | anything,
})  # fmt: skip
near = st.dictionaries(names, arrays(), min_size=1, max_size=4).map(
    lambda values: {"schema": SCHEMA, "id": "x", "seed": 0, "values": values}
)


def read(data: object) -> Payload | None:
    """The payload, if it is one, within the limits; None if it is refused."""
    try:
        found = decode(data)
    except PayloadError as error:
        assert 0 < len(str(error)) < 300 and str(error).isprintable()
        return None
    assert len(found.values) <= MAX_VALUES
    arrays = [value for value in found.values.values() if isinstance(value, np.ndarray)]
    assert all(array.dtype.name in DTYPES and array.dtype.isnative and array.flags.writeable for array in arrays)
    assert sum(array.nbytes for array in arrays) <= MAX_BYTES
    assert all(len(value) <= MAX_TEXT for value in found.values.values() if isinstance(value, str))
    assert all(len(value.type_name) <= 100 for value in found.values.values() if isinstance(value, Other))
    return found


def array(shape: list[int], data: str = "", dtype: str = "float64") -> dict[str, Any]:
    value = {"kind": "array", "dtype": dtype, "shape": shape, "data": data}
    return {"schema": SCHEMA, "id": "x", "seed": 0, "values": {"h": value}}


@CASES
@given(data=anything | payloads)
@example(data=[])
@example(data={"schema": SCHEMA, "id": "x", "seed": 10**4000, "values": {}})
@example(data={"schema": SCHEMA, "id": "x", "seed": 0, "values": {str(i): 1 for i in range(10_000)}})
def test_any_json_is_a_payload_or_is_refused(data: object) -> None:
    read(json.loads(json.dumps(data)))


@CASES
@given(data=near)
@example(data=array([0, 8_000_000, 8_000_000, 8_000_000]))
@example(data=array([8_000_000] * 7 + [0]))
@example(data=array([0] * 8))
@example(data=array([3], base64.b64encode(b"\x02\xff\x00").decode(), "bool"))
def test_a_payload_survives_being_compared_and_diagnosed(data: object) -> None:
    found = read(json.loads(json.dumps(data)))
    if found is None:
        return
    assert read(encode(found.id, found.seed, found.values)) is not None
    mistakes = [Mistake("itself", "", found)]
    for reference in REFERENCES:
        renamed = Payload("x", 0, dict(zip(reference.values, found.values.values(), strict=False)))
        for mine in (found, renamed):
            difference = compare(mine, reference)
            assert difference is not None
            assert len(difference.message) < 1000
            assert diagnose(found, reference, mistakes) is mistakes[0]
            assert distance(mine, reference) > 0
    assert compare(found, found) is None


def test_refusing_takes_no_memory_to_speak_of() -> None:
    large = "A" * 12_000_000
    for data in (array([MAX_BYTES], large), array([1], large), array([MAX_BYTES + 1], large, "bool")):
        tracemalloc.start()
        assert read(data) is None
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 1_000_000
