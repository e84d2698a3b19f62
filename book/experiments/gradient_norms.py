"""A random matrix of spectral radius 1, inputs and a direction, for the figure of gradient norms.

The figure multiplies the matrix by the spectral radius that the reader chooses. All numbers
are rounded to six decimals, so the page and the browser start from the same ones.

    python book/experiments/gradient_norms.py
"""

from __future__ import annotations

import numpy as np
import record

OUT = record.DATA / "gradient_norms.json"
SEED, UNITS, STEPS = 1, 16, 60


def main() -> None:
    rng = np.random.default_rng(SEED)
    base = rng.normal(size=(UNITS, UNITS))
    base /= np.abs(np.linalg.eigvals(base)).max()
    x = rng.normal(0, 0.5, (STEPS, UNITS))
    last = rng.normal(size=UNITS)
    last /= np.linalg.norm(last)
    arrays = {"base": base, "x": x, "last": last}
    result = {name: np.round(values, 6).tolist() for name, values in arrays.items()}
    result["about"] = {"command": "python book/experiments/gradient_norms.py", "seed": SEED}
    record.save(OUT, result)


if __name__ == "__main__":
    main()
