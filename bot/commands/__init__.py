"""The commands of `shopkeeper`, a file per group; imported only when called."""
