"""/users: the own profile, and the public part of others'."""

from __future__ import annotations

from flask import Response

from api.domain.ids import parse_id
from api.web.answers import answer, no_content, pick
from api.web.auth import client_address
from api.web.context import principal, services
from api.web.openapi import Access, IdPath, Routes
from api.web.schemas.accounts import AccountDeletion, PasswordChange, ProfileChanges, PublicProfile, UserAnswer

routes = Routes("users", "Profiles")


@routes.patch("/users/me", summary="Change the own profile", access=Access.ACCOUNT, returns={200: UserAnswer})
def update_me(body: ProfileChanges) -> Response:
    changes = body.model_dump(exclude_unset=True)
    return answer(pick(UserAnswer, services().accounts.update_profile(principal().user_id, changes)))


@routes.put("/users/me/password", summary="Change the password", access=Access.SESSION, returns={204: None})
def change_password(body: PasswordChange) -> Response:
    who = principal()
    services().rate_limits.count_login(who.user_id.hex, client_address())
    services().accounts.change_password(who.user_id, who.session_id, body.current_password, body.new_password)
    return no_content()


@routes.delete("/users/me", summary="Delete the account", access=Access.SESSION, returns={204: None})
def delete_me(body: AccountDeletion) -> Response:
    services().rate_limits.count_login(principal().user_id.hex, client_address())
    services().accounts.delete(principal().user_id, body.password)
    return no_content()


@routes.get("/users/<id>", summary="Somebody's public profile", access=Access.READ, returns={200: PublicProfile})
def public_profile(path: IdPath) -> Response:
    return answer(pick(PublicProfile, services().accounts.public_profile(parse_id(path.id))))
