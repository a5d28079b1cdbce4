"""Hand-written code, accepted or refuted: a ``forward`` and a ``backward`` climb the ladder of evidence.

``pair`` says what was handed in, in whichever of the usual forms; ``isolation`` runs a check so that code that hangs,
crashes or eats memory ends nothing but itself; ``ladder`` climbs the rungs, each in a file of its own.  To be proved,
code is made again over another NumPy (``lifting``): one whose arrays are formulas of every shape (``everyshape``, with
``buffers``, ``views``, ``library``, ``branches``), or arrays of symbols at small sizes (``atsizes``, ``symbols``).
"""
