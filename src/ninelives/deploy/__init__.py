"""The release tool: service file, build, push, register, deploy, follow, verdict, rollback, history; through boto3 only."""
