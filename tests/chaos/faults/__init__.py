"""Every way in which the kit breaks something, by what is broken."""
