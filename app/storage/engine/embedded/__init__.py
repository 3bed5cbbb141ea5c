"""The embedded PostgreSQL: a server of our own for one data folder, when no DATABASE_URL names another.

Uses PostgreSQL's programs and nothing else. Started only from the command line, the service and the worker.
"""
