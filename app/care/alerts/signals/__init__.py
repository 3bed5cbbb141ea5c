"""Signals: one open episode a patient, raised by the rule, closed by staff or an infusion."""
