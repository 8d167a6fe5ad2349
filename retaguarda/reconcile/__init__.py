"""Two sources side by side: bank money and invoices, ERP contracts and what CCEE holds, a statement and its own balances."""
