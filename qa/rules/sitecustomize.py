"""Python's own `time.sleep` under libfaketime, which takes an absolute monotonic time for a time of day."""

import os
import select
import time

if "faketime" in os.environ.get("LD_PRELOAD", ""):
    time.sleep = lambda seconds: select.select([], [], [], seconds) and None
