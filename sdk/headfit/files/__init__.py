"""Every file format of headfit: checked when read, written whole or not at all."""

from headfit.files.class_names import as_class_name, normal_name
from headfit.files.disk import read_bounded, replacing, write_atomically
from headfit.files.manifest import Golden, Manifest, load_manifest, save_manifest
from headfit.learning.origin import Preprocessing

__all__ = [
    "Golden",
    "Manifest",
    "Preprocessing",
    "as_class_name",
    "load_manifest",
    "normal_name",
    "read_bounded",
    "replacing",
    "save_manifest",
    "write_atomically",
]
