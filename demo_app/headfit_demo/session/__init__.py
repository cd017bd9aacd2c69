"""What the app does, without a window: projects, what is taught in them, and what is seen."""

from headfit_demo.session.acts import Act, Forgotten, Named, Renamed, Taught, Unnamed
from headfit_demo.session.errors import (
    CameraError,
    CancelledError,
    EmptyNameError,
    FolderError,
    LongNameError,
    NoExtractorError,
    NoOtherCameraError,
    NoProjectError,
    ProjectGoneError,
    ProjectInUseError,
    TakenNameError,
    ThingGoneError,
    UnprintableNameError,
    UnreadableFileError,
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
from headfit_demo.session.job import Done, Job
from headfit_demo.session.names import MAX_NAME, project_name
from headfit_demo.session.open_project import OpenProject
from headfit_demo.session.photos import (
    Photo,
    PickedFile,
    Pixels,
    as_pixels,
)
from headfit_demo.session.preferences import Preferences
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
from headfit_demo.session.teaching import AT_ONCE, teach
from headfit_demo.session.worker import Worker

__all__ = [
    "AT_ONCE",
    "DRAWINGS",
    "GREETING_HEAD",
    "MAX_NAME",
    "NETWORK_ENDING",
    "PHOTOS",
    "Act",
    "Added",
    "CameraError",
    "CancelledError",
    "Certainty",
    "ClassView",
    "Done",
    "EmptyNameError",
    "EngineSpeed",
    "Facts",
    "FolderError",
    "Forgotten",
    "Job",
    "LongNameError",
    "Named",
    "NoExtractorError",
    "NoOtherCameraError",
    "NoProjectError",
    "OpenProject",
    "Photo",
    "PhotoView",
    "PickedFile",
    "Pixels",
    "Preferences",
    "Progress",
    "ProjectCard",
    "ProjectGoneError",
    "ProjectInUseError",
    "ProjectView",
    "Recognition",
    "Renamed",
    "Sample",
    "Session",
    "Stored",
    "TakenNameError",
    "Taught",
    "ThingGoneError",
    "Things",
    "Unnamed",
    "UnprintableNameError",
    "UnreadableFileError",
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
    "project_name",
    "sample_pictures",
    "teach",
]
