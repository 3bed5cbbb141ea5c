"""The transfer of a patient to another clinic: an encrypted archive one way, a signed receipt the other."""
