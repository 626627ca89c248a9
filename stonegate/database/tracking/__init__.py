"""What a database itself records of its deployments: read, written, and shown as its history (behaviour, §7)."""
