"""Printed forms as PDF: a document is arranged as plain data, and typst sets it.

`arrange` turns a filled form into data without any markup, `fonts` knows what the shipped font
covers, `setting` runs the setter, `printing` fills forms from a node, many at once too.
"""
