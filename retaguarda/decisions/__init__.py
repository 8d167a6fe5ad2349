"""What was decided about bank lines: recorded once, confirmed or rejected by people, undone, and never silently changed."""
