"""Programs 8 and 11 in Keras: compile, then train_on_batch."""

from __future__ import annotations

import keras

from programs.forward_keras import rnn


def compiled(
    input_size: int,
    hidden_size: int,
    output_size: int,
    lr: float,
    max_norm: float = 1.0,
) -> keras.Model:
    """A model whose ``train_on_batch(x, targets)`` is one whole update.

    ``x`` is (N, T, D), ``targets`` (N, T).
    """
    model = rnn(input_size, hidden_size, output_size)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    descent = keras.optimizers.SGD(lr, global_clipnorm=max_norm)
    model.compile(optimizer=descent, loss=loss)
    return model
