"""Many visits at once: reduced on workers of dask.distributed, or in this process, and compared in one table."""

from hustle_widgets.campaign.campaign import Campaign
from hustle_widgets.campaign.many import run_many
from hustle_widgets.campaign.sweeps import sweep_many

__all__ = ["Campaign", "run_many", "sweep_many"]
