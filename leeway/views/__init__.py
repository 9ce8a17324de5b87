"""The read model of the dashboards and alerts.

Every number on a page is computed here, or was computed when it was stored.
"""
