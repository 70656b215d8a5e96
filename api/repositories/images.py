"""Queries of images, with what the call that made each of them cost."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from uuid import UUID

import sqlalchemy as sa

from api.domain.images import Image
from api.models.generations import GENERATIONS
from api.models.images import IMAGES
from api.repositories.base import Repository

IMAGE = IMAGES.c
GENERATION = GENERATIONS.c
CALL = sa.and_(GENERATION.user_id == IMAGE.user_id, GENERATION.id == IMAGE.generation_id)
SELECT = sa.select(IMAGES, GENERATION.cost).select_from(IMAGES.outerjoin(GENERATIONS, CALL))


class ImageRepository(Repository):
    def add(self, images: Sequence[Image]) -> None:
        rows = [{column.name: getattr(image, column.name) for column in IMAGE} for image in images]
        self.connection.execute(sa.insert(IMAGES), rows)

    def get_owned(self, image_id: UUID, user_id: UUID) -> Image | None:
        found = self.connection.execute(SELECT.where(IMAGE.user_id == user_id, IMAGE.id == image_id))
        row = found.mappings().first()
        return Image(**row) if row is not None else None

    def of_call(self, user_id: UUID, generation_id: UUID) -> list[Image]:
        """In the order in which they came."""
        query = SELECT.where(IMAGE.user_id == user_id, IMAGE.generation_id == generation_id)
        return [Image(**row) for row in self.connection.execute(query.order_by(IMAGE.id)).mappings()]

    def page(self, user_id: UUID, *, limit: int, before: UUID | None) -> list[Image]:
        """The newest first, from just before the given one."""
        query = SELECT.where(IMAGE.user_id == user_id)
        if before is not None:
            query = query.where(IMAGE.id < before)
        rows = self.connection.execute(query.order_by(IMAGE.id.desc()).limit(limit))
        return [Image(**row) for row in rows.mappings()]

    def delete(self, user_id: UUID, image_id: UUID) -> bool:
        return self.changed(sa.delete(IMAGES).where(IMAGE.user_id == user_id, IMAGE.id == image_id)) == 1

    def prune(self, before: dt.datetime, limit: int) -> int:
        """Remove those made before then; how many."""
        old = sa.select(IMAGE.user_id, IMAGE.id).where(IMAGE.created_at < before).limit(limit)
        return self.changed(sa.delete(IMAGES).where(sa.tuple_(IMAGE.user_id, IMAGE.id).in_(old)))

    def named(self, digests: Collection[str]) -> set[str]:
        """Which of these files an image is."""
        return set(self.connection.execute(sa.select(IMAGE.digest).where(IMAGE.digest.in_(digests))).scalars())
