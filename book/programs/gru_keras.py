"""Program 12 in Keras: one argument chooses between the two forms."""

from __future__ import annotations

import keras


def gru(input_size: int, hidden_size: int) -> keras.Model:
    """States (N, T, H) of inputs (N, T, D), reset before the product."""
    how = {"reset_after": False, "return_sequences": True}
    layer = keras.layers.GRU(hidden_size, **how)
    return keras.Sequential([keras.Input((None, input_size)), layer])
