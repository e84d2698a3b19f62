"""The mutants that no check catches, and why none has to: `survivors.json`, read and applied."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILE = Path(__file__).parent / "survivors.json"


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant: its kind, and what is wrong with that, if anything."""

    kind: str
    problem: str = ""


@dataclass(frozen=True)
class Survivors:
    """`equivalent`: never does another thing. `outside`: may, where the card is silent or by chance."""

    equivalent: dict[str, str]
    outside: dict[str, str]

    @staticmethod
    def load(path: Path = FILE) -> Survivors:
        """Read the file: reasons, and under each the mutants it holds for."""
        data = json.loads(path.read_text()) if path.is_file() else {}
        kinds: dict[str, dict[str, str]] = {"equivalent": {}, "outside": {}}
        for group in data.get("groups", []):
            kinds[group["kind"]].update(dict.fromkeys(group["mutants"], group["why"]))
        return Survivors(**kinds)

    def verdict(self, name: str, entry: dict[str, Any]) -> Verdict:
        """Judge what was found on a mutant: `complaints` of the checks, `differs` of the oracle."""
        complaints, differs = entry["complaints"], entry.get("differs")
        if all(complaints):
            if "differs" in entry and differs is None and name not in self.outside:
                return Verdict("doubtful", f"caught, but the oracle sees no difference: {name}\n    {complaints[0]}")
            return Verdict("caught")
        if differs is None and name in self.equivalent:
            return Verdict("equivalent")
        if name in self.outside:
            return Verdict("outside the contract")
        which = "survives" if not any(complaints) else "survives on some seeds"
        said = f"differs: {differs}" if differs else "the oracle sees no difference"
        return Verdict("unexplained", f"{which}, unexplained: {name}\n    {said}")
