"""Reading code as formulas: the user's functions made again over a NumPy whose arrays are symbolic and may change.

``lifting`` makes functions again, ``buffers`` and ``views`` are the arrays, ``library`` is the NumPy, ``shapes`` puts
them together; ``branches`` runs code on each side of a question about sizes, ``reach`` says what of it was run.
"""
