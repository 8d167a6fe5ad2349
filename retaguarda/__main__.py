"""`python -m retaguarda`."""

from retaguarda.console.cli import main

main()
