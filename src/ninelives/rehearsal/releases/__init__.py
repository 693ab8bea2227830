"""Releases that must fail well: a catalogue of faults, the service that shows them, and how one is played."""

from ninelives.rehearsal.releases.catalogue import CATALOGUE, BadRelease, Catch, ImageFault
from ninelives.rehearsal.releases.play import Played, Stage, play, prepare

__all__ = ["CATALOGUE", "BadRelease", "Catch", "ImageFault", "Played", "Stage", "play", "prepare"]
