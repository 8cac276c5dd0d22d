"""Bad values for fields of JSON, of forms and of workflows."""

from __future__ import annotations

from hypothesis import strategies as st

from backtest.run.request import REQUEST_FIELDS

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**15, -(10**15), 2**63, 10**400, 0, -1])
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(
        ["", " ", "NaN", "1e999", "-1", "\x00", "\u202e", "SP500", "2009-01-02", "true", "x" * 5_000]
    )
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
TEXTS = SCALARS.map(str) | st.sampled_from(
    ["null", "[]", "{}", "{", '{"fast": 1e400}', '{"fast": NaN}', "[" * 5_000, '{"a":' * 500, "=1+1", "{{workflow.name}}"]
)  # fmt: skip
NAMES = tuple(field.name for field in REQUEST_FIELDS)
