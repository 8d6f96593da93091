"""Contracts at run time: loaded, compiled when their first event comes, and asked for verdict, drift and time."""
