"""Programs 9 and 10 in Keras: cells; keras.layers.RNN does the loop."""

from __future__ import annotations

import keras
from keras import ops


class RNNStep(keras.Layer):
    """One step of an RNN with its output layer."""

    def __init__(self, hidden_size: int, output_size: int) -> None:
        super().__init__()
        self.state_size, self.output_size = hidden_size, output_size
        self.from_x = keras.layers.Dense(hidden_size)
        self.from_h = keras.layers.Dense(hidden_size)
        self.to_y = keras.layers.Dense(output_size)

    def build(self, input_shape):
        """Make the weights for inputs (N, D)."""
        self.from_x.build(input_shape)
        self.from_h.build((None, self.state_size))
        self.to_y.build((None, self.state_size))

    def call(self, x, states):
        """Output (N, C) and new states of ``x`` (N, D) and old states."""
        h = ops.tanh(self.from_x(x) + self.from_h(states[0]))
        return self.to_y(h), [h]


class LSTMCell(keras.Layer):
    """One step of an LSTM from eight Dense layers, two for each block."""

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.state_size = [hidden_size, hidden_size]
        self.output_size = hidden_size
        self.from_x = {
            block: keras.layers.Dense(hidden_size) for block in "fico"
        }
        self.from_h = {
            block: keras.layers.Dense(hidden_size) for block in "fico"
        }

    def build(self, input_shape):
        """Make the weights for inputs (N, D)."""
        for block in "fico":
            self.from_x[block].build(input_shape)
            self.from_h[block].build((None, self.output_size))

    def call(self, x, states):
        """New h (N, H) and new states [h, c]."""
        h, c = states
        f, i, g, o = (
            self.from_x[block](x) + self.from_h[block](h)
            for block in "fico"
        )
        c = ops.sigmoid(f) * c + ops.sigmoid(i) * ops.tanh(g)
        h = ops.sigmoid(o) * ops.tanh(c)
        return h, [h, c]
