"""The functions of OTTL by name: each a small Python function whose annotations say what it takes.

A converter is called once for each combination of its arguments' values, and raises `Fault` for
those it cannot work with. An editor is called once a statement.
"""
