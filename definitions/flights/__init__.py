"""Every object that a module of this package declares is part of the platform."""
