"""The words of the app: its sentences in the user's language, and what to say of an error."""

from headfit_demo.language.advice import advice, feedback_words
from headfit_demo.language.answers import answer, behind, called, corrected
from headfit_demo.language.sentences import added, left_out, sentence, size, turned_back
from headfit_demo.language.translation import (
    LANGUAGES,
    greeting_name,
    number,
    project_title,
    short,
    some,
    system_language,
    tr,
)

__all__ = [
    "LANGUAGES",
    "added",
    "advice",
    "answer",
    "behind",
    "called",
    "corrected",
    "feedback_words",
    "greeting_name",
    "left_out",
    "number",
    "project_title",
    "sentence",
    "short",
    "size",
    "some",
    "system_language",
    "tr",
    "turned_back",
]
