"""Programs 1, 2, 3, 13, 14 in Keras: answer at the last step."""

from __future__ import annotations

import keras

LAYERS = {
    "RNN": keras.layers.SimpleRNN,
    "LSTM": keras.layers.LSTM,
    "GRU": keras.layers.GRU,
}


def last_step_model(
    kind: str, input_size: int, hidden_size: int, output_size: int
) -> keras.Model:
    """Logits (N, C) of inputs (N, T, D) by an RNN, LSTM or GRU."""
    x, layer = keras.Input((None, input_size)), LAYERS[kind](hidden_size)
    # The layer returns its last step unless told to return them all.
    return keras.Sequential([x, layer, keras.layers.Dense(output_size)])


def stacked_lstm(
    input_size: int, output_size: int, sizes: tuple[int, int] = (128, 64)
) -> keras.Model:
    """Probabilities (N, C); the lower layer must hand on every step."""
    return keras.Sequential([
        keras.Input((None, input_size)),
        keras.layers.LSTM(sizes[0], return_sequences=True),
        keras.layers.LSTM(sizes[1]),
        keras.layers.Dense(output_size, activation="softmax"),
    ])  # fmt: skip


def train(
    model, x, y, *, epochs: int, lr: float = 5e-3, from_logits=True
) -> list[float]:
    """Train on x (N, T, D) and classes y (N,); each epoch's mean loss."""
    kind = keras.losses.SparseCategoricalCrossentropy
    loss = kind(from_logits=from_logits)
    adam = keras.optimizers.Adam(lr, global_clipnorm=1.0)
    model.compile(optimizer=adam, loss=loss, metrics=["accuracy"])
    history = model.fit(x, y, epochs=epochs, batch_size=64, verbose=0)
    return history.history["loss"]
