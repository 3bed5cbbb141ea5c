"""Afterglow: notifies a ketamine clinic when a patient's benefit is fading."""

import zoneinfo

# One edition of zone rules in every process: the declared `tzdata` decides, never the machine's own files,
# which may be years older (an evening reminder would come an hour late where a law has changed since).
zoneinfo.reset_tzpath(to=())
zoneinfo.ZoneInfo.clear_cache()
