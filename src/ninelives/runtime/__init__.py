"""Runs tasks: Docker containers, or host processes where no Docker answers."""
