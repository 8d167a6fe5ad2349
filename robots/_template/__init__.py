"""TemplateName."""
