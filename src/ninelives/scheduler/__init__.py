"""The service scheduler, pure: a snapshot and a time give a plan."""
