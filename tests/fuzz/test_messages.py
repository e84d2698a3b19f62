"""Whatever a kernel says, the grader hears messages or nothing; only the right values earn points."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from autograder.grade import grade_file
from autograder.kernel import KernelSettings, run_cell
from autograder.kernel.client import KINDS
from autograder.keys import load_key
from autograder.nbval_plugin import _bare
from autograder.notebook import write_ipynb
from autograder.payload import MIME, SCHEMA, Payload, PayloadError, encode
from autograder.record import Record
from tests.fuzz.law import hold
from tests.fuzz.scripted import Scripted, course_of

QUICK = KernelSettings(seed=0, timeout=30)
KEY = load_key("equations")
RIGHT = {check.cell_id: encode(check.id, 0, check.reference.values) for check in KEY.checks}
SOURCES = {cell["source"]: cell["id"] for cell in KEY.notebook["cells"] if cell["id"] in RIGHT}

texts = st.text(max_size=20) | st.sampled_from(["\ud800", "\x1b[2J", "a\nb", "[/]", "KernelDied", "x" * 5000])
leaves = st.none() | st.booleans() | st.integers() | st.floats() | texts
values = st.recursive(leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4))
PARTS = ("metadata", "execution_count", "name", "text", "ename", "evalue", "traceback", "execution_state", "wait")
data = st.dictionaries(st.sampled_from([MIME, "text/plain"]), values) | values
contents = st.fixed_dictionaries(
    {}, optional={"id": st.integers(-1, 3) | values, "data": data} | dict.fromkeys(PARTS, values)
)
kinds = st.sampled_from([*KINDS, "status", "execute_input", "comm_open", "", "x"])
messages = st.fixed_dictionaries({"msg_type": kinds | values, "content": contents | values}, optional={"x": values})
lines = st.lists(
    st.binary(max_size=40) | values.map(json.dumps).map(str.encode) | messages.map(json.dumps).map(str.encode),
    max_size=8,
)  # fmt: skip
CASES = settings(
    max_examples=25, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
DEEP = b"[" * 900 + b"]" * 900


def line(kind: str, **content: Any) -> bytes:
    return json.dumps({"msg_type": kind, "content": content}).encode()


def shown(payload: object) -> bytes:
    """The message of a cell that displays this payload."""
    return line("execute_result", data={MIME: payload}, metadata={}, execution_count=1)


@given(said=lines)
@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@example(said=[b'{"msg_type": ' + DEEP + b', "content": {}}', b'{"msg_type": "stream", "content": ' + DEEP + b"}"])
@example(said=[b'{"msg_type": "stream", "content": {"text": ' + b"9" * 5000 + b"}}", b"\x00", b"\xff", b"NaN", b""])
def test_the_grader_hears_messages_or_nothing(said: list[bytes]) -> None:
    kernel = Scripted(lambda source: said, QUICK)
    heard = [kernel.execute_cell_input("1")]
    kernel.await_reply(heard[0])
    for message in [kernel.get_message("iopub") for _ in range(len(kernel._messages))]:
        assert message["msg_type"] in (*KINDS, "status")
        assert isinstance(message["content"], dict)
        assert message["parent_header"] == {"msg_id": "1"}
    assert message["msg_type"] == "status"
    assert run_cell(kernel, "2").error is None or said
    assert kernel.is_alive()
    kernel.stop()


@given(kind=st.sampled_from([*KINDS, "x"]), content=values | contents)
@settings(max_examples=200, deadline=None, derandomize=True, database=None)
def test_a_message_of_any_content_is_made_bare_or_dropped(kind: str, content: object) -> None:
    """As an ordinary kernel gives them: there the content is what the submission sent."""
    kept = _bare({"msg_type": kind, "content": content, "parent_header": {}})
    if kept is not None and kind == "error":
        assert set(kept["content"]) == {"ename", "evalue", "traceback"}
        assert all(isinstance(kept["content"][name], str) for name in ("ename", "evalue"))
    elif kept is not None:
        assert set(kept["content"]) == {"data", "metadata", "execution_count"}
        assert isinstance(kept["content"]["data"][MIME], Payload | PayloadError)


def record_of(said: list[bytes], folder: Path, only: str = "") -> Record:
    """Grade the public notebook in kernels that say this for every check (or for `only` one; else what is right)."""

    def script(source: str) -> list[bytes]:
        cell = SOURCES.get(source, "")
        return [shown(RIGHT[cell])] if only and cell != only and cell in RIGHT else said

    path = folder / "any.ipynb"
    write_ipynb(path, KEY.notebook)
    return grade_file(path, course_of(script), QUICK)


def test_the_right_values_earn_everything(tmp_path: Path) -> None:
    assert record_of([], tmp_path, only="nothing").score == KEY.points


@CASES
@given(said=lines)
@example(said=[line("error")])
@example(said=[line("error", ename=[1], evalue={}, traceback="x")])
@example(said=[line("display_data")])
@example(said=[line("stream", name=[], text=5)])
@example(said=[line("stream", name="stdout", text="x"), line("stream", name="stdout", text=None)])
@example(said=[b'{"msg_type": "execute_result", "content": {"data": {"' + MIME.encode() + b'": ' + DEEP + b"}}}"])
@example(said=[b'{"msg_type": "execute_result", "content": {"metadata": ' + DEEP + b', "data": {}}}'])
def test_forged_messages_earn_nothing_and_are_the_students_doing(said: list[bytes], tmp_path: Path) -> None:
    hold(record_of(said, tmp_path))


@CASES
@given(what=st.data())
def test_a_payload_that_was_tampered_with_earns_nothing(what: st.DataObject, tmp_path: Path) -> None:
    cell = what.draw(st.sampled_from(sorted(RIGHT)))
    forged = json.loads(json.dumps(RIGHT[cell]))
    name = what.draw(st.sampled_from(sorted(forged["values"])))
    place = what.draw(st.sampled_from([forged, forged["values"], forged["values"][name]]))
    key = what.draw(st.sampled_from(sorted(place)))
    before = place[key]
    place[key] = what.draw(values.filter(lambda value: value != before))
    wrong = next(check.exercise for check in KEY.checks if check.cell_id == cell)
    record = record_of([shown(forged)], tmp_path, only=cell)
    others = {exercise.id for exercise in KEY.exercises} - {wrong}
    # The seed that a payload names is not compared: values are, and they depend on it.
    hold(record, others | ({wrong} if key == "seed" else set()), others)


@pytest.mark.parametrize("said", [[], [shown({"schema": SCHEMA, "id": "rnn-step", "seed": 0, "values": {}})]])
def test_an_empty_answer_earns_nothing(said: list[bytes], tmp_path: Path) -> None:
    record = record_of(said, tmp_path)
    hold(record)
    assert {check.outcome for check in record.checks} <= {"missing", "malformed", "fail"}


@pytest.mark.parametrize(
    "said",
    [line("stream"), line("display_data", data={MIME: 0}), line("error"), shown({"schema": SCHEMA}), b"[]",
     b"x" * 99_000, b'{"msg_type": "stream", "content": {"a": [' + b"[]," * 130_000 + b"[]]}}"],
    ids=["streams", "payloads", "errors", "other payloads", "no messages", "one line", "lists"],
)  # fmt: skip
def test_a_flood_takes_memory_in_proportion(said: bytes, tmp_path: Path) -> None:
    limit = 400_000
    cell = min(RIGHT)
    flood = [said] * (limit // (len(said) + 1))

    def script(source: str) -> list[bytes]:
        return flood if SOURCES.get(source) == cell else []

    path = tmp_path / "any.ipynb"
    write_ipynb(path, KEY.notebook)
    course = course_of(script)
    grade_file(path, course, QUICK)  # what the first grading imports is no part of it
    tracemalloc.start()
    record = grade_file(path, course, QUICK)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    hold(record)
    assert peak < 3_000_000 + 30 * limit
