"""The demo: a small app around the functions, with data in memory. For ``kull-sync dev``, on loopback alone.

``uvicorn functions.demo:app`` serves all functions as ``functions.app`` does, the demo's backend under
``/demo/api``, and the built web app everywhere else. It mints tokens for whoever asks: see ``loopback.py``.
"""

from .application import app

__all__ = ["app"]
