"""Metrics: a contract's rules in two readings, CloudWatch's filter pattern and a function over the parsed event."""
