"""Platforms and tenants: who owns which database, how new ones are made, and one command carried out on hundreds."""
