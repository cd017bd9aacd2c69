"""The screens, in the order of the navigation; each lies beside its kv file."""

from headfit_demo.screens.developer import DeveloperScreen
from headfit_demo.screens.help import HelpScreen
from headfit_demo.screens.home import HomeScreen
from headfit_demo.screens.photos import PhotosScreen
from headfit_demo.screens.privacy import PrivacyScreen
from headfit_demo.screens.recognise import RecogniseScreen
from headfit_demo.screens.settings import SettingsScreen
from headfit_demo.screens.teach import TeachScreen

SCREENS = (
    HomeScreen,
    TeachScreen,
    PhotosScreen,
    RecogniseScreen,
    PrivacyScreen,
    HelpScreen,
    DeveloperScreen,
    SettingsScreen,
)

__all__ = ["SCREENS"]
