"""The care team's pages: the worklist, a patient's page, what staff enter and decide."""
