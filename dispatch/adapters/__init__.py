"""The core seen from outside: database, solver processes, clocks."""
