"""The full-screen view of one pump or several: ``app.MonitorApp``."""
