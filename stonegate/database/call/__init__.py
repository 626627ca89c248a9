"""One function called: by the command line once, by the gateway many times over one connection."""
