"""Claimed formulas, accepted by proof or refuted by a witness.

``question`` asks whether an expression is the adjoint (or the value) of a name, and answers by proof; ``witness``
searches for numbers at which it is not, by differences of the forward equations alone (``experiment``,
``comparison``); ``faults`` says what is wrong with it; ``structure`` decides statements about a layer's form.
"""
