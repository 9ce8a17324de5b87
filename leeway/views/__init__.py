"""What the dashboards show, as values: every number on a page is computed here, or was when it was stored."""
