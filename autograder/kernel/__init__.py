"""Running cells: warm kernels forked from a server in a sandbox, and ordinary ones where fork is missing.

`settings`  limits and their names, and the interface of a kernel
`confine`   the calls that confine a process          `policy`    which modules an exercise may import
`shell`     the process that runs the cells: IPython, its outputs as JSON lines on a socket
`zygote`    the fork server: everything imported, one thread, one confined fork for each kernel
`sandbox`   what the fork server can see, and the command that makes it so
`view`      the same without bubblewrap               `cgroups`   limits of the whole tree, where we may
`watch`     the memory of a kernel's tree             `client`    the grader's side of a kernel
`server`    the grader's side of the fork server      `ordinary`  nbval's own kernel, same interface
`outputs`   running one cell by hand                 `doctor`    what of all this is in force here
"""

from autograder.kernel.outputs import CellRun, run_cell
from autograder.kernel.server import ForkServer, open_kernels
from autograder.kernel.settings import Budget, Kernel, KernelError, Kernels, KernelSettings

__all__ = [
    "Budget", "CellRun", "ForkServer", "Kernel", "KernelError", "KernelSettings", "Kernels", "open_kernels", "run_cell",
]  # fmt: skip
