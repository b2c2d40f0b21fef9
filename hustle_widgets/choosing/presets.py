"""The parameters that were measured to be best for a visit like this one, and the tutorial's, on a Reduction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hustle_widgets.recommend import advice
from hustle_widgets.settings import tutorial_values, values_of_visit

if TYPE_CHECKING:
    import xarray as xr

    from hustle_widgets.engine.blocks import State
    from hustle_widgets.steps.base import Step


class Presets:
    """Whole sets of parameters, each taken as one edit."""

    if TYPE_CHECKING:
        steps: dict[str, Step]
        visit: xr.Dataset

        @property
        def kinds(self) -> tuple[type[Step], ...]: ...  # noqa: D102
        def state(self, before: str = "") -> State: ...  # noqa: D102
        def set(self, **parameters: Any) -> None: ...  # noqa: D102
        def parameter_owners(self) -> dict[str, tuple[Any, str]]: ...  # noqa: D102
        @classmethod
        def setup_parameters(cls) -> dict[str, Any]: ...  # noqa: D102

    def recommend(self) -> dict[str, str]:
        """Set what was measured to be best for a visit like this one: one edit, which one undo takes back.

        Frames, brightness, drift and sky are judged from the visit as it enters step 2. Other parameters stay.

        Returns
        -------
        dict of str to str
            Why, by the key of each parameter and switch that was set.

        Examples
        --------
        >>> for key, reason in reduction.recommend().items():  # doctest: +SKIP
        ...     print(f"{key}: {reason}")
        """
        owners = self.parameter_owners()
        start = next((name for name in self.steps if name != "read_data"), "")
        location = owners["location"][0].location if "location" in owners else (0.0, 0.0)
        found = [said for said in advice(self.state(start), location) if said.key in owners]
        self.set(**{said.key: said.value for said in found})
        return {said.key: said.reason for said in found}

    def reset(self) -> None:
        """Set all steps to the tutorial's values, as a new Reduction of the visit has them: one edit."""
        own = self.setup_parameters()
        usual = {**tutorial_values(self.kinds), **values_of_visit(self.visit)}
        self.set(
            **{
                key: value
                for key, value in usual.items()
                if key in self.parameter_owners() and key not in own
            }
        )
