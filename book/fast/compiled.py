"""What the compiler makes of the persistent kernels: registers, shared memory, spills. No GPU needed.

Triton compiles for a named architecture on any machine, down to the binary, and a tool that comes
with it reads the binary's resources. So it can be seen before anything runs whether the weights fit
and whether registers spill. How fast it is cannot be seen this way.

    python -m fast.compiled [--arch 90]      # in the folder book
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from fast.launch import DoesNotFit, Plan, plan
from fast.triton_gru import gru_backward_kernel, gru_forward_kernel
from fast.triton_lstm import lstm_backward_kernel, lstm_forward_kernel
from fast.triton_parts import options

KERNELS = {
    "LSTM forward": (lstm_forward_kernel, 4), "LSTM backward": (lstm_backward_kernel, 4),
    "GRU forward": (gru_forward_kernel, 3), "GRU backward": (gru_backward_kernel, 3),
}  # fmt: skip
POINTERS = {torch.float32: "*fp32", torch.bfloat16: "*bf16", torch.float16: "*fp16", torch.float64: "*fp64"}
WIDE = {"c_state", "c", "dc_state", "dh_state"}
WHOLE = {"first_tile", "begin", "end", "T", "N", "H"}


def compile_for(kernel: Any, blocks: int, dtype: torch.dtype, how: Plan, arch: int = 90) -> Any:
    """The compiled kernel, as Triton would make it for sizes that divide by 16."""
    constants = options(how, dtype, False, blocks)
    launch = {name: constants.pop(name) for name in ("num_warps", "num_stages")}
    constants.pop("launch_cooperative_grid", None)
    if "SAVE" in kernel.arg_names:
        constants["SAVE"] = True
    wide = "*fp64" if dtype == torch.float64 else "*fp32"
    lstm_c0 = {"c0"} if kernel is lstm_backward_kernel else set()
    signature, attributes = {}, {}
    for place, name in enumerate(kernel.arg_names):
        if name in constants:
            signature[name] = "constexpr"
        elif name in WHOLE:
            signature[name] = "i32"
        elif name == "counters":
            signature[name] = "*i32"
        else:
            signature[name] = wide if name in WIDE | lstm_c0 else POINTERS[dtype]
        if signature[name].startswith("*") or name in ("N", "H"):
            attributes[(place,)] = [["tt.divisibility", 16]]
    source = ASTSource(kernel, signature, constexprs=constants, attrs=attributes)
    return triton.compile(source, target=GPUTarget("cuda", arch, 32), options=launch)


def resources(compiled: Any) -> dict[str, int]:
    """Registers and stack bytes of a thread, and shared bytes of a program. A stack means spills."""
    tool = Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "cuobjdump"
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        Path(file.name).write_bytes(compiled.asm["cubin"])
        told = subprocess.run([tool, "-res-usage", file.name], capture_output=True, text=True, check=True).stdout
    registers, stack = re.findall(r"REG:(\d+) STACK:(\d+)", told)[-1]
    return {"registers": int(registers), "stack": int(stack), "shared": int(compiled.metadata.shared)}


def table(hidden_sizes: list[int], dtypes: list[torch.dtype], arch: int) -> list[dict[str, Any]]:
    """One row for each kernel, hidden size and dtype, for a batch of 64."""
    rows = []
    for name, (kernel, blocks) in KERNELS.items():
        for dtype in dtypes:
            for H in hidden_sizes:
                row = {"kernel": name, "dtype": str(dtype).removeprefix("torch."), "H": H}
                try:
                    how = plan(64, H, dtype.itemsize, blocks, 132)
                except DoesNotFit:
                    rows.append(row | {"fits": False})
                    continue
                used = resources(compile_for(kernel, blocks, dtype, how, arch))
                rows.append(row | {"fits": True, "slices": how.slices, "block_n": how.block_n} | used)
                print(*rows[-1].values(), sep="\t", flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arch", type=int, default=90, help="compute capability, 90 for an H100")
    parser.add_argument("--hidden", type=int, nargs="+", default=[64, 128, 256, 512, 1024])
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    rows = table(args.hidden, [torch.bfloat16, torch.float32], args.arch)
    if args.out:
        about = {"command": "python -m fast.compiled --out data/fast_compiled.json", "arch": f"sm_{args.arch}"}
        about["versions"] = {"triton": triton.__version__, "torch": torch.__version__}
        args.out.write_text(json.dumps({"rows": rows, "about": about}, separators=(",", ":")) + "\n")
        print(f"wrote {args.out.name}", file=sys.stderr)


if __name__ == "__main__":
    main()
