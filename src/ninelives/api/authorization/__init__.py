"""Who may do what: requests signed, callers known, actions allowed, when the region enforces IAM."""
