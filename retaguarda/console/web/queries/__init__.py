"""What the console reads, one module an area: every query is bounded and stands on an index."""
