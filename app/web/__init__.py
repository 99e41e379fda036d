"""The demo's pages: two people side by side, and one person's inbox beside the story board."""
