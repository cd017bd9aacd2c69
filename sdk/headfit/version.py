"""The version of headfit: what files are signed with as their writer."""

__version__ = "0.1.0"
