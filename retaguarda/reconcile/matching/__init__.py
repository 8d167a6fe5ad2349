"""Bank lines against receivables and payables: a pipeline of passes from certain to plausible, each decision explained."""
