"""What the larger commands of the command line do; `cli` reads their arguments. One module for each subject."""
