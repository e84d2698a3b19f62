"""The code behind the page *Fast on a GPU*: the same layers, made fast step by step.

One module for each way of computing a layer, from slow to fast:

``numpy_cells``   RNN, GRU and LSTM in NumPy, forward and backward, as fast as NumPy allows
``torch_steps``   an LSTM and a GRU in PyTorch: eager cells, fused gates, hoisted projections
``graphs``        the same compiled, and recorded as a CUDA graph
``triton_lstm``   a persistent LSTM kernel, forward and backward (``triton_gru``: the GRU)
``launch``        what both kernels' hosts share: tile sizes, and whether the weights fit on chip
``roofline``      floating-point operations, bytes, launches, and the floor in seconds

Shapes: ``N`` sequences, ``T`` steps, ``D`` inputs, ``H`` hidden units; sequences are time-major.
Weights are PyTorch's, blocks in the order i, f, g, o and r, z, n.
"""
