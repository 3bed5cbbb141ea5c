"""Reading a clinic's EHR."""
