"""The hoisted layers compiled by ``torch.compile``, and recorded as a CUDA graph.

Belongs here: what takes launches away without a kernel of our own. The compiler fuses everything
that is entry by entry into one kernel a step. A graph launches what was recorded with a single call.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from fast.torch_steps import gru_loop, gru_step, lstm_loop, lstm_step


def compiled_lstm(**options: Any) -> Callable[..., tuple[Tensor, Tensor]]:
    """:func:`fast.torch_steps.hoisted_lstm` with its step compiled.

    Not the loop, which would be unrolled: T copies of the step.
    """
    step = torch.compile(lstm_step, fullgraph=True, dynamic=False, **options)

    def layer(x: Tensor, h0: Tensor, c0: Tensor, W_xh: Tensor, W_hh: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        return lstm_loop(step, torch.nn.functional.linear(x, W_xh, b), h0, c0, W_hh)

    return layer


def compiled_gru(**options: Any) -> Callable[..., Tensor]:
    """:func:`fast.torch_steps.hoisted_gru` with its step compiled."""
    step = torch.compile(gru_step, fullgraph=True, dynamic=False, **options)

    def layer(x: Tensor, h0: Tensor, W_xh: Tensor, W_hh: Tensor, b_xh: Tensor, b_hh: Tensor) -> Tensor:
        return gru_loop(step, torch.nn.functional.linear(x, W_xh, b_xh), h0, W_hh, b_hh)

    return layer


def recorded(function: Callable[..., Any], examples: Sequence[Tensor]) -> Callable[..., Any]:
    """Record ``function`` as a CUDA graph, without gradients.

    Every call of what comes back replays it. The result lies in the
    graph's own memory and is overwritten by the next call.
    """
    places = [example.detach().clone() for example in examples]
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream), torch.no_grad():
        for _ in range(3):  # what is set up on first use must not be recorded
            function(*places)
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph), torch.no_grad():
        result = function(*places)

    def replay(*inputs: Tensor) -> Any:
        with torch.no_grad():
            for place, value in zip(places, inputs, strict=True):
                place.copy_(value)
        graph.replay()
        return result

    return replay


def recorded_for_training(function: Callable[..., Any], examples: Sequence[Tensor]) -> Callable[..., Any]:
    """Record the forward and the backward pass as two CUDA graphs that autograd plays.

    ``examples`` are like the arguments of later calls, gradients wanted included.
    """
    copies = tuple(v.detach().clone().requires_grad_(v.requires_grad) for v in examples)
    return torch.cuda.make_graphed_callables(function, copies)  # type: ignore[no-any-return]
