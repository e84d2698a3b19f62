"""Values become data and back exactly, and are compared with a tolerance, a place and a reason."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autograder.compare import Tolerance, compare, compare_value, distance
from autograder.diagnose import CellError, Mistake, diagnose
from autograder.payload import DTYPES, MAX_BYTES, SCHEMA, Other, Payload, PayloadError, decode, encode, flatten

arrays = hnp.arrays(
    st.sampled_from([np.dtype(name) for name in DTYPES]),
    hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def payload(**values: Any) -> Payload:
    return Payload("a-check", 0, {k: leaf for n, v in values.items() for k, leaf in flatten(n, v).items()})


@given(value=arrays)
def test_an_array_survives_the_payload_bit_for_bit(value: np.ndarray) -> None:
    back = decode(encode("a-check", 3, flatten("v", value)))
    restored = back.values["v"]
    assert isinstance(restored, np.ndarray)
    assert (restored.dtype, restored.shape) == (value.dtype, value.shape)
    assert restored.tobytes() == value.tobytes()
    assert (back.id, back.seed) == ("a-check", 3)


def test_containers_are_flattened_to_names() -> None:
    named = flatten("out", ({"W": np.ones(2)}, None, "text", [1, 2.5]))
    assert list(named) == ["out[0].W", "out[1]", "out[2]", "out[3]"]
    assert named["out[1]"] == Other("NoneType")
    assert np.array_equal(named["out[3]"], [1, 2.5])


@given(data=json_values)
def test_decoding_anything_gives_a_payload_or_a_payload_error(data: object) -> None:
    for wrapped in (data, {"schema": SCHEMA, "id": "x", "seed": 0, "values": data},
                    {"schema": SCHEMA, "id": "x", "seed": 0, "values": {"v": data}}):  # fmt: skip
        try:
            assert isinstance(decode(wrapped), Payload)
        except PayloadError as error:
            assert str(error)


@pytest.mark.parametrize(
    "value",
    [
        {"kind": "array", "dtype": "object", "shape": [1], "data": ""},
        {"kind": "array", "dtype": "float64", "shape": [2], "data": base64.b64encode(b"12345678").decode()},
        {"kind": "array", "dtype": "float64", "shape": [10**30], "data": ""},
        {"kind": "array", "dtype": "float64", "shape": [-1], "data": ""},
        {"kind": "array", "dtype": "float64", "shape": [True], "data": "AAAAAAAAAAA="},
        {"kind": "array", "dtype": "float64", "shape": [1] * 9, "data": "AAAAAAAAAAA="},
        {"kind": "array", "dtype": "uint8", "shape": [3], "data": "not base64!"},
        {"kind": "array", "dtype": "uint8", "shape": [MAX_BYTES + 1], "data": "A" * (2 * MAX_BYTES)},
        {"kind": "pickle", "data": "gASVAAAA"},
    ],
)
def test_malformed_values_are_refused(value: dict[str, Any]) -> None:
    with pytest.raises(PayloadError):
        decode({"schema": SCHEMA, "id": "x", "seed": 0, "values": {"v": value}})


@given(value=hnp.arrays(np.float64, hnp.array_shapes(max_dims=3, max_side=4), elements=st.floats(-1e6, 1e6)))
def test_rounding_passes_and_a_real_difference_does_not(value: np.ndarray) -> None:
    scale = float(np.max(np.abs(value)))
    assert compare(payload(v=value * (1 + 1e-14)), payload(v=value)) is None
    wrong = value.copy()
    wrong.flat[-1] += 1e-6 * scale + 1e-300
    assert (compare(payload(v=wrong), payload(v=value)) is None) == np.array_equal(wrong, value)


def test_nan_where_the_reference_has_a_number_never_passes() -> None:
    found = compare_value("h", np.array([1.0, np.nan]), np.array([1.0, 2.0]), Tolerance(rtol=1e9, atol=1e9))
    assert found is not None
    assert found.kind == "nan"
    assert compare_value("h", np.array([np.nan, np.inf]), np.array([np.nan, np.inf])) is None
    assert compare_value("h", np.array([np.nan, -np.inf]), np.array([np.nan, np.inf])) is not None


def test_the_message_names_the_place_and_not_the_answer() -> None:
    reference = np.arange(24.0).reshape(2, 3, 4) + 0.123456789
    mine = reference.copy()
    mine[1, 2, 3] += 0.5
    found = compare_value("h", mine, reference, axes="T N H")
    assert found is not None
    assert "`h[1, 2, 3]` (time step 1, example 2, hidden unit 3)" in found.message
    assert "yours is 23.6235, off by 0.5" in found.message
    assert "1 of 24 entries differ; time step 0 right" in found.message
    assert "23.123" not in found.message


@pytest.mark.parametrize(
    ("mine", "reference", "words"),
    [
        (np.ones((3, 2)), np.ones((2, 3)), "transposed"),
        (np.ones((2, 4, 3)), np.ones((2, 3, 4)), "another order"),
        (np.float32(0.1) * np.ones(3, np.float32), 0.1 * np.ones(3), "float32"),
        (np.ones(3, np.float32).astype(float) * 0.1 + 1e-9, 0.1 * np.ones(3), "To six digits all is right"),
        (Other("NoneType"), np.ones(3), "`return`"),
        ("text", np.ones(3), "should be an array"),
        (Other("list"), "text", "should be a text"),
    ],
)
def test_what_is_wrong_is_said_in_words(mine: Any, reference: Any, words: str) -> None:
    found = compare_value("h", mine, reference)
    assert found is not None
    assert words in found.message


def test_changed_arguments_are_called_that() -> None:
    found = compare(payload(inputs={"x": np.ones(2)}), payload(inputs={"x": np.zeros(2)}))
    assert found is not None
    assert "`x` in place" in found.message


def test_missing_and_unexpected_values_differ() -> None:
    assert compare(payload(a=1.0), payload(a=1.0, b=2.0)) is not None
    assert compare(payload(a=1.0, b=2.0), payload(a=1.0)) is not None
    assert distance(payload(a=1.0), payload(b=1.0)) == np.inf


def test_a_mistake_is_recognised_whole_in_part_and_by_its_error() -> None:
    reference = payload(W=np.ones(3), b=np.ones(2))
    bank = [
        Mistake("W-doubled", "", payload(W=2 * np.ones(3), b=np.ones(2))),
        Mistake("both-doubled", "", payload(W=2 * np.ones(3), b=2 * np.ones(2))),
        Mistake("raises", "", CellError("ValueError", "shapes")),
    ]

    def named(outcome: Payload | CellError) -> str | None:
        found = diagnose(outcome, reference, bank)
        return found.id if found else None

    assert named(bank[0].outcome) == "W-doubled"
    assert named(bank[1].outcome) == "both-doubled"
    assert named(payload(W=np.ones(3), b=2 * np.ones(2))) == "both-doubled"
    closer = Mistake("b-and-c-doubled", "", payload(W=np.ones(3), b=2 * np.ones(2), c=2.0))
    farther = Mistake("all-doubled", "", payload(W=2 * np.ones(3), b=2 * np.ones(2), c=2.0))
    right, mine = payload(W=np.ones(3), b=np.ones(2), c=1.0), payload(W=np.ones(3), b=2 * np.ones(2), c=1.0)
    for several in ([closer, farther], [farther, closer]):
        found = diagnose(mine, right, several)
        assert found is closer, "of two that fit, the one that is wrong in fewer places besides"
    assert named(payload(W=5 * np.ones(3), b=np.ones(2))) is None
    assert named(CellError("ValueError", "shapes")) == "raises"
    assert named(CellError("ValueError", "other")) is None


def test_a_list_where_one_value_is_wanted_is_called_a_list() -> None:
    states = np.ones((2, 3))
    student = Payload("c", 1, flatten("states", [states[0], None]))
    found = compare(student, Payload("c", 1, {"states": states}), {})
    assert found is not None
    assert "collection of 2" in found.message


def test_of_several_lists_the_first_of_the_check_is_named() -> None:
    states = np.ones((2, 3))
    student = Payload("c", 1, {**flatten("states", [states[0], None]), **flatten("again", [states[0], None])})
    stored = Payload("c", 1, {"again": states, "states": states})  # a key's file has the names sorted
    found = compare(student, stored)
    assert found is not None
    assert (found.value, found.kind) == ("states", "missing")
    assert "`states` should be one value; yours is a collection of 2" in found.message


def test_a_ragged_list_keeps_its_numbers() -> None:
    assert {name: value.tolist() for name, value in flatten("n", [[1, 2], [3]]).items()} == {
        "n[0]": [1, 2],
        "n[1]": [3],
    }
    assert list(flatten("n", [[1, 2], [3, 4]])) == ["n"]
    assert list(flatten("n", [1, [2]])) == ["n[0]", "n[1]"]
