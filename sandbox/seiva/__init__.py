"""Seiva, a white-label internet banking: sign-in, keyboard, frame and list of returns, under each bank's own name and colours."""
