"""The words of the business as frozen values: no input or output, no framework."""
