"""Reads what a service did (metrics, logs, what it costs, what it leaves lying about) and says what to do; through boto3 only."""
