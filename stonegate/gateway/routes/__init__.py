"""The endpoints of the contract, one file per subject."""
