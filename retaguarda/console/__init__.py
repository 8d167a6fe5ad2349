"""How people reach the machinery: the command line, later the web."""
