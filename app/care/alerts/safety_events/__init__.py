"""Safety events: what a patient reported that a person must look at now."""
