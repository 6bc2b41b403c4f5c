"""The plain data that every room shares: frozen dataclasses, standard library only."""
