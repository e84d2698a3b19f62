"""GitHub's workflows: well formed, with few rights, and calling what there is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from site_pages import ROOT

FILES = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def read(path: Path) -> dict[Any, Any]:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def steps(workflow: dict[Any, Any]) -> list[dict[str, Any]]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def test_there_is_one_for_publishing_one_for_previews_and_one_a_week() -> None:
    # YAML 1.1 reads the key `on` as true.
    triggers = {path.stem: set(read(path)[True]) for path in FILES}
    assert triggers["pages"] >= {"push"}
    assert triggers["preview"] == {"pull_request"}  # never pull_request_target: it would give a fork our rights
    assert triggers["weekly"] >= {"schedule"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_workflow_is_complete_and_may_only_read(path: Path) -> None:
    workflow = read(path)
    assert workflow["permissions"] == {"contents": "read"}
    for name, job in workflow["jobs"].items():
        assert job["runs-on"], name
        assert job["timeout-minutes"] <= 90, name
        assert set(job.get("needs", "").split()) <= set(workflow["jobs"]), name
        if name != "deploy":
            assert "permissions" not in job, name
    for step in steps(workflow):
        assert ("uses" in step) != ("run" in step), step
        assert re.fullmatch(r"actions/[\w/-]+@v\d+", step.get("uses", "actions/x@v1")), step


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_workflow_calls_targets_and_files_that_exist(path: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    text = path.read_text(encoding="utf-8")
    assert set(re.findall(r"\bmake ([a-z-]+)$", text, re.MULTILINE)) <= targets
    for folder in re.findall(r"'(\w+)/\*\*'", text):
        assert (ROOT / folder).is_dir(), folder


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_nothing_from_outside_is_put_into_a_shell_command(path: Path) -> None:
    for step in steps(read(path)):
        assert "${{" not in step.get("run", ""), "pass it as an environment variable instead"
