"""How dangerous a change is: its class, the consent that it needs, and the hazards that say why (behaviour, §5)."""
