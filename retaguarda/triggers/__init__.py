"""When a process should run: rules, phrases, opening hours, wall clocks; nothing here knows the store."""
