"""What runs the program: settings, logging, metrics, the embedded servers and the command line."""
