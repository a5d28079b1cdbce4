"""Layers, and the derivation of their gradients."""
