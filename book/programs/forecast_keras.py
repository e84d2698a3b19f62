"""Programs 4 and 5 in Keras: forecast the next value of a series."""

from __future__ import annotations

import keras


def forecaster(
    layer: type[keras.Layer],
    window: int,
    size: int = 1,
    hidden_size: int = 50,
) -> keras.Model:
    """Forecasts (N, D) of (N, T, D) by keras.layers.LSTM or GRU."""
    x = keras.Input((window, size))
    change = keras.layers.Dense(size)(layer(hidden_size)(x))
    model = keras.Model(x, x[:, -1] + change)
    model.compile(optimizer=keras.optimizers.Adam(5e-3), loss="mse")
    return model
