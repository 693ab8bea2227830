"""Speaks AWS's wire protocols: one front door, own services, moto for records."""
