"""FHIR R4 (4.0.1) under ``/fhir``: the clinic's records as an EHR reads them."""
