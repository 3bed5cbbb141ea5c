"""The archive: a clinic, or one patient, as checked lines of JSON that another installation can import."""
