"""Who may do what: clinics, staff, keys, permissions and the audit log."""
