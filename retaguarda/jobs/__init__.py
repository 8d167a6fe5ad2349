"""Runs and who may work on them: states, locks held by the process, intents."""
