"""What goes on without a person: handing intents to CAs, collecting, publishing, CRLs, checkpoints."""
