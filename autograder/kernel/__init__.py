"""Running cells: warm kernels forked from a server, and ordinary ones where fork is missing.

`shell`     the process that runs the cells: IPython, its outputs as JSON lines on a socket
`zygote`    the fork server: everything imported, one thread, one fork for each kernel
`client`    the grader's side of both: start, execute, time out, notice death, stop
`ordinary`  nbval's own kernel behind the same interface
"""

from autograder.kernel.client import ForkServer, KernelSettings, open_kernels
from autograder.kernel.outputs import CellRun, run_cell

__all__ = ["CellRun", "ForkServer", "KernelSettings", "open_kernels", "run_cell"]
