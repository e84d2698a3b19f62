"""The same weights in another library.

PyTorch stores ``(4H, D)`` and two biases, Keras the transpose and (but for
a GRU that resets after the product) one bias. Both order an LSTM's blocks
i, f, g, o; PyTorch orders a GRU's r, z, n, Keras z, r, n.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from torch import nn

from programs.forward_numpy import RNN


def to_numpy(rnn: nn.RNNBase, fc: nn.Linear | None, model: RNN) -> None:
    """Give a NumPy model the weights of PyTorch's two layers."""
    names = ("W_xh", "W_hh", "b_xh", "b_hh")  # PyTorch's own order
    for name, weight in zip(names, rnn.parameters(), strict=True):
        model.weights[name] = array(weight)
    if fc is not None:
        model.weights |= {"W_hy": array(fc.weight), "b_y": array(fc.bias)}


def to_keras(rnn: nn.RNNBase, layer: keras.Layer) -> None:
    """Give a layer of Keras the weights of a layer of PyTorch."""
    W_xh, W_hh, b_xh, b_hh = (array(weight) for weight in rnn.parameters())
    bias = b_xh + b_hh
    if isinstance(rnn, nn.GRU):
        W_xh, W_hh = reordered(W_xh), reordered(W_hh)
        bias = np.stack([reordered(b_xh), reordered(b_hh)])
    layer.set_weights([W_xh.T, W_hh.T, bias])


def dense_to_keras(fc: nn.Linear, layer: keras.Layer) -> None:
    """Give a Dense layer the weights of a Linear layer."""
    layer.set_weights([array(fc.weight).T, array(fc.bias)])


def array(tensor: Any) -> np.ndarray:
    """A parameter as a NumPy array of its own."""
    return tensor.detach().cpu().numpy().copy()


def reordered(weight: np.ndarray) -> np.ndarray:
    """Blocks r, z, n to z, r, n."""
    r, z, n = np.split(weight, 3)
    return np.concatenate([z, r, n])
