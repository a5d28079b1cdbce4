"""What is written from a derivation: NumPy modules, pages, figures."""
