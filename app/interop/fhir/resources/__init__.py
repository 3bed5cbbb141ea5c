"""One module a resource: how our records are written as FHIR."""
