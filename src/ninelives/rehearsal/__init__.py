"""Load, measurements and the proof; through HTTP and the AWS API only."""
