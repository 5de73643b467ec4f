"""Work through a broker: a scheduler hands out probes, and workers make them."""
