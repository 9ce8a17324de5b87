"""Answers about single events, from the bundle, the history and the decisions that the nights have."""
