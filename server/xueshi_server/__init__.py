"""The node: web application, record types, rules, library and centre."""
