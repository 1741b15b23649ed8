"""What is made known to everybody: stops planned ahead, and services that are down."""
