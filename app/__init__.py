"""Afterglow: notifies a ketamine clinic when a patient's benefit is fading."""

import gc
import zoneinfo

# One edition of zone rules in every process: the declared `tzdata` decides, never the machine's own files,
# which may be years older (an evening reminder would come an hour late where a law has changed since).
zoneinfo.reset_tzpath(to=())
zoneinfo.ZoneInfo.clear_cache()

# Looking for garbage after every 700 new objects costs a tenth of each request's time, and finds next to nothing.
gc.set_threshold(20_000, 20, 50)
