"""The platform on one machine: its services, who keeps them running, and how other processes find them."""
