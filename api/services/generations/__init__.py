"""Generations: start, run, follow, stop, recover. The only code that joins providers and the event log."""

from api.services.generations.doorkeeper import Caller
from api.services.generations.follower import Follower
from api.services.generations.plan import Follow, Following, Plan
from api.services.generations.service import GenerationService

__all__ = ["Caller", "Follow", "Follower", "Following", "GenerationService", "Plan"]
