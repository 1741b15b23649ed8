"""What the counter's pages keep for people at work: what they have typed and not sent yet, and who is at which request."""
