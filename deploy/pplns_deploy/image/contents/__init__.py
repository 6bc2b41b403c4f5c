"""What the layers hold: the locked wheels, the installed pplns, the project, each with its bytecode."""
