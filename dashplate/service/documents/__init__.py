"""What the service tells of photographs, jobs, videos, sightings and places: the shapes of its JSON.

The service answers with these and the client reads into them, so nothing here imports FastAPI or SQLAlchemy.
"""

from __future__ import annotations

from dashplate.service.documents.jobs import Again as Again
from dashplate.service.documents.jobs import AnnotatedTold as AnnotatedTold
from dashplate.service.documents.jobs import ClockZone as ClockZone
from dashplate.service.documents.jobs import JobTold as JobTold
from dashplate.service.documents.jobs import MakingState as MakingState
from dashplate.service.documents.jobs import OtherClock as OtherClock
from dashplate.service.documents.jobs import Page as Page
from dashplate.service.documents.jobs import ToldBy as ToldBy
from dashplate.service.documents.jobs import VideoTold as VideoTold
from dashplate.service.documents.readings import Box as Box
from dashplate.service.documents.readings import CharacterRead as CharacterRead
from dashplate.service.documents.readings import LookAlikeRead as LookAlikeRead
from dashplate.service.documents.readings import PhotoRead as PhotoRead
from dashplate.service.documents.readings import PlateRead as PlateRead
from dashplate.service.documents.readings import PlateUnread as PlateUnread
from dashplate.service.documents.readings import Regions as Regions
from dashplate.service.documents.readings import RegionTold as RegionTold
from dashplate.service.documents.readings import Share as Share
from dashplate.service.documents.readings import TextRead as TextRead
from dashplate.service.documents.readings import UnsureBetween as UnsureBetween
from dashplate.service.documents.sightings import FoundPage as FoundPage
from dashplate.service.documents.sightings import FoundSighting as FoundSighting
from dashplate.service.documents.sightings import PlateTold as PlateTold
from dashplate.service.documents.sightings import SightingTold as SightingTold
from dashplate.service.documents.where import ClipTold as ClipTold
from dashplate.service.documents.where import ConvoyTold as ConvoyTold
from dashplate.service.documents.where import DriveTold as DriveTold
from dashplate.service.documents.where import HeatCell as HeatCell
from dashplate.service.documents.where import PassingTold as PassingTold
from dashplate.service.documents.where import PlaceTold as PlaceTold
