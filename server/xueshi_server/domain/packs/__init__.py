"""Packs: what a county counts, declared. Pure: texts in, values and faults out (PACKS.md)."""
