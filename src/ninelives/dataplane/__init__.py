"""Minds Envoy: publishes snapshots by delta ADS, reports target health and requests in flight."""
