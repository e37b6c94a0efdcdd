"""How a run is configured: by the environment in the Challenge, by options elsewhere."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace

from giraffe.recipe import DEFAULT_PROFILE, DEFAULT_RECIPE, PROFILES, RECIPES, Profile, Recipe, find

DEFAULT_SEED = 42


@dataclass(frozen=True)
class Settings:
    """Everything about a training run but the data.

    Attributes
    ----------
    recipe : Recipe
    profile : Profile
    seed : int
    time_limit_hours : float or None
        None: 20 h up to 5000 records, else 150 h; both end safely before the Challenge's limits.
    cache_folder : str or None
        Where decoded images are kept; None: below the system's temporary folder.
    micro_batch : int or None
        Most images that go through the network at once; gradients are accumulated to the batch.
        None: the whole batch.
    """

    recipe: Recipe = RECIPES[DEFAULT_RECIPE]
    profile: Profile = PROFILES[DEFAULT_PROFILE]
    seed: int = DEFAULT_SEED
    time_limit_hours: float | None = None
    cache_folder: str | None = None
    micro_batch: int | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> "Settings":
        """Settings from the variables GIRAFFE_*; those that are unset or empty are the defaults.

        Raises
        ------
        ValueError
            Naming the variable that makes no sense.
        """
        env = os.environ if environment is None else environment

        def get(name, convert, default):
            text = env.get(f"GIRAFFE_{name}", "").strip()
            if not text:
                return default
            try:
                return convert(text)
            except ValueError as error:
                raise ValueError(f"GIRAFFE_{name}={text}: {error}") from error

        recipe = get("RECIPE", lambda t: find(RECIPES, t, "recipe"), cls.recipe)
        return cls(
            recipe=replace(recipe, initial=get("INITIAL", str, recipe.initial)),
            profile=get("PROFILE", lambda t: find(PROFILES, t, "profile"), cls.profile),
            seed=get("SEED", int, DEFAULT_SEED),
            time_limit_hours=get("TIME_LIMIT_HOURS", _positive, None),
            cache_folder=get("CACHE_DIR", str, None),
            micro_batch=get("MICRO_BATCH", _at_least_one, None),
        )

    def limit_seconds(self, num_records: int) -> float:
        """Time that training may take in s."""
        if self.time_limit_hours is not None:
            return self.time_limit_hours * 3600
        return (20 if num_records <= 5000 else 150) * 3600


def _at_least_one(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError("must be at least 1")
    return value


def _positive(text: str) -> float:
    value = float(text)
    if not value > 0:
        raise ValueError("must be a number above 0")
    return value
