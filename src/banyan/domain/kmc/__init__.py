"""Recovery of escrowed encryption keys: requests and approvals. The keys themselves lie in the KMC process only."""
