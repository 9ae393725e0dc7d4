"""How the tables came to be what they are: one script per change, never edited afterwards."""
