"""Container logs on their way to CloudWatch Logs."""
