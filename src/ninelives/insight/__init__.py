"""Reads what a service did, costs and leaves behind, and says what to do; through boto3 only."""
