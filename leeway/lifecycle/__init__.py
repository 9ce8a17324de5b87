"""Versions, promotions, retrain requests and holds."""
