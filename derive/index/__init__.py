"""The kernel: index terms, the laws of differentiation, the normal form, equality."""
