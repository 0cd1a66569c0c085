"""A legacy warehouse: SOAP 1.1 for our WSDL, and a clock that picks, packs and ships."""
