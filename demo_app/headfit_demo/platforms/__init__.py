"""What differs between a desktop and a phone, behind one interface, `Platform`."""

from headfit_demo.platforms.camera import Camera
from headfit_demo.platforms.platform import Platform, this_platform

__all__ = ["Camera", "Platform", "this_platform"]
