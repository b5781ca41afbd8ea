"""Imports PyTorch models for the training engine.

`python -m oobleck import SOURCE --to DIR` turns a model into a folder of layer graphs. The engine runs
these graphs without Python. The steps, one module each:

    sources   what to import: a transformers folder, a function in a file, or a preset
    skeleton  builds a model without memory for its parameters
    initial   records how each parameter was initialised
    weights   reads stored parameter values
    export    traces the whole model once and flattens it to one list of ATen operators
    rewrites  causal masks become a flag, mean losses become a sum and a count
    cut       gives every operator to a layer and finds the values that cross from layer to layer
    encode    the JSON form of a layer's graph
    write     the folder: graphs, weights, constants, manifest

`python -m oobleck tokenize` makes files of token ids, `columns` samples for fine-tuning:

    documents   reads documents from text, JSON lines and Parquet
    tokenizer   the fast tokenizer of a folder, or bytes
    token_file  ids of all documents in one file
    columns     samples of one length, with labels
    whole_file  writes a file under another name until it is whole
"""

__version__ = "0.1.0"
