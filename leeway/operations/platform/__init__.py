"""The platform on one machine.

Its services, the supervisor that keeps them running, and the state by which other processes find them.
"""
