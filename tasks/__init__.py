"""What the business wants, one use case a file."""
