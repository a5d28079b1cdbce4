"""Numerical evidence on generated floating-point code; none of it uses the derivation rules it tests.

``cases`` draws inputs from declarations, ``differences`` measures directional derivatives with a computed error bound,
``properties`` attacks ``forward`` and ``backward`` with both and shrinks what it finds.  hypothesis is imported by the
files that use it, not here.
"""
