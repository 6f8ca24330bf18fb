"""`doctor`: everything checked, each line with what to do about it. One module for each area; `main` is the command."""
