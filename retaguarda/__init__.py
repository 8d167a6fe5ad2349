"""The machinery: knows no portal and no business task."""

__version__ = "0.1.0"
