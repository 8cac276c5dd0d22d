"""Backtests of trading rules: pure compute, without web and database.

BLAS gets one thread, unless the environment says otherwise: products here are small, and a second thread spends more
processor time waiting for them than it saves. It has to be said before NumPy is imported.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
