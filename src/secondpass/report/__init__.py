"""Self-contained HTML pages: tables and figures, readable in light and dark."""
