"""Business days and published deadlines, from versioned files."""
