"""The report of one infusion: a self-contained page, and its plots as pictures."""
