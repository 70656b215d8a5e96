"""One noun, one file name: whoever knows where chats are routed knows where they are served and stored."""

from __future__ import annotations

from collections import defaultdict

from tests.architecture.files import ROOT, tracked

LAYERS = {
    "routes": "api/web/routes",
    "schemas": "api/web/schemas",
    "services": "api/services",
    "repositories": "api/repositories",
    "models": "api/models",
    "domain": "api/domain",
}
# Routes named after what a person does rather than after the service that does it.
ROUTES_WITHOUT_A_SERVICE = {
    "auth": "sign-in and refresh: services/sessions",
    "meta": "the server about itself: services/health",
}


def nouns(layer: str) -> set[str]:
    """The module and package names of a layer."""
    folder = ROOT / LAYERS[layer]
    parts = [path.relative_to(folder).parts[0] for path in tracked() if path.is_relative_to(folder)]
    names = {part.removesuffix(".py") for part in parts if part.endswith(".py") or "." not in part}
    return {each for each in names if not each.startswith("_")}


def stem(noun: str) -> str:
    """What stays the same in `chat`, `Chats`, `api_keys` and `apikey`."""
    words = noun.lower().replace("-", "_").split("_")
    singular = [word[:-3] + "y" if word.endswith("ies") else word.removesuffix("s") for word in words]
    return "".join(singular)


def test_a_noun_is_spelled_alike_in_every_layer() -> None:
    spellings: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for layer, folder in LAYERS.items():
        for noun in nouns(layer):
            spellings[stem(noun)][noun].append(folder)
    found = {key: dict(places) for key, places in spellings.items() if len(places) > 1}
    assert not found


def test_a_route_has_the_name_of_its_service() -> None:
    strangers = nouns("routes") - nouns("services")
    assert strangers == ROUTES_WITHOUT_A_SERVICE.keys(), "name the route after its service, or say here why not"


def test_a_shape_has_the_name_of_its_route() -> None:
    strangers = nouns("schemas") - nouns("routes")
    assert not strangers, f"no route has this name: {sorted(strangers)}"


def test_what_is_routed_and_stored_is_served_under_one_name() -> None:
    """A noun with a route and a repository has a service between them, under the same name."""
    found = (nouns("routes") & nouns("repositories")) - nouns("services")
    assert not found, f"routed and stored, but not served under this name: {sorted(found)}"
