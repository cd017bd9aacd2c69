"""What the app does, without a window: projects, what is taught in them, and what is seen."""

from headfit_demo.session.errors import (
    CameraError,
    FolderError,
    NoExtractorError,
    WrongExtractorError,
)
from headfit_demo.session.facts import EngineSpeed, Facts, file_name
from headfit_demo.session.folders import Things, find_pictures, find_things, picked
from headfit_demo.session.greeting import (
    DRAWINGS,
    GREETING_HEAD,
    PHOTOS,
    Sample,
    cut_square,
    photo_folder,
    sample_pictures,
)
from headfit_demo.session.installing import NETWORK_ENDING, install, is_network
from headfit_demo.session.open_project import OpenProject
from headfit_demo.session.photos import (
    PickedFile,
    Pixels,
    as_pixels,
)
from headfit_demo.session.preferences import Preferences
from headfit_demo.session.projects import MAX_NAME
from headfit_demo.session.session import Session
from headfit_demo.session.states import (
    Added,
    Certainty,
    ClassView,
    PhotoView,
    Progress,
    ProjectCard,
    ProjectView,
    Recognition,
    Stored,
    certainty_of,
)
from headfit_demo.session.steps import Forgotten, Named, Renamed, Step, Taught
from headfit_demo.session.worker import Done, Worker

__all__ = [
    "DRAWINGS",
    "GREETING_HEAD",
    "MAX_NAME",
    "NETWORK_ENDING",
    "PHOTOS",
    "Added",
    "CameraError",
    "Certainty",
    "ClassView",
    "Done",
    "EngineSpeed",
    "Facts",
    "FolderError",
    "Forgotten",
    "Named",
    "NoExtractorError",
    "OpenProject",
    "PhotoView",
    "PickedFile",
    "Pixels",
    "Preferences",
    "Progress",
    "ProjectCard",
    "ProjectView",
    "Recognition",
    "Renamed",
    "Sample",
    "Session",
    "Step",
    "Stored",
    "Taught",
    "Things",
    "Worker",
    "WrongExtractorError",
    "as_pixels",
    "certainty_of",
    "cut_square",
    "file_name",
    "find_pictures",
    "find_things",
    "install",
    "is_network",
    "photo_folder",
    "picked",
    "sample_pictures",
]
