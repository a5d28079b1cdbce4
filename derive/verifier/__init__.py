"""Hand-written code, accepted or refuted: a ``forward`` and a ``backward`` climb the ladder of evidence.

``pair`` says what was handed in, in whichever of the usual forms; ``isolation`` runs a check so that code that hangs,
crashes or eats memory ends nothing but itself; ``ladder`` climbs the rungs, the cheapest first, each in a file of its
own.
"""
