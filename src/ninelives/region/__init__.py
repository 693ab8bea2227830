"""The loop: observe, decide, record, act; with the ports that it needs of the world."""
