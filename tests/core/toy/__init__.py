"""A robot of the tests: its manifest lies beside it, as every robot's does."""
