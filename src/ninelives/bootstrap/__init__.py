"""What stands around a service, made from its service file: CloudFormation templates, IAM policies, the GitHub workflow."""
