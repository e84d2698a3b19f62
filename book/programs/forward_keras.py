"""Programs 6 and 7 in Keras: batch first, (N, T, D)."""

from __future__ import annotations

import keras


def rnn(
    input_size: int, hidden_size: int, output_size: int
) -> keras.Model:
    """A recurrent layer with outputs (N, T, C) of inputs (N, T, D)."""
    layer = keras.layers.SimpleRNN(hidden_size, return_sequences=True)
    return every_step(layer, input_size, output_size)


def lstm(
    input_size: int, hidden_size: int, output_size: int
) -> keras.Model:
    """The same with a memory cell."""
    layer = keras.layers.LSTM(hidden_size, return_sequences=True)
    return every_step(layer, input_size, output_size)


def every_step(
    layer: keras.Layer, input_size: int, output_size: int
) -> keras.Model:
    """The layer between its inputs and an output layer."""
    x = keras.Input((None, input_size))
    return keras.Sequential([x, layer, keras.layers.Dense(output_size)])
