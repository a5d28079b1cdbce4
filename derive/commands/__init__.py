"""What the commands do, imported when one is called, so that ``derive --help`` stays light."""
