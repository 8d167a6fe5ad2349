"""Robot of Tryton, the company's ERP."""
