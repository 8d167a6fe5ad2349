"""What people read after a run: one workbook and one self-contained page."""
