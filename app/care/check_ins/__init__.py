"""Recording what the patient reports: once, whatever happens next."""
