"""Pumps for a lab's own dashboards and brokers; nothing comes back. See BRIDGE.md."""
