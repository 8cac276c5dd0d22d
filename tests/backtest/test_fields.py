import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest.fields import Field, ValidationError, parse_fields

FEE = Field(name="fee_rate", kind="float", label="Fee", help="", default=0.001, low=0, high=0.5)
PERIOD = Field(name="period", kind="int", label="Period", help="", default=14, low=2, high=500)
CASH = Field(name="cash", kind="float", label="Cash", help="", default=1.0, low=0, above=True)
FILL = Field(
    name="fill", kind="choice", label="Fill", help="", default="next_open", choices=("next_open", "close")
)
DAY = Field(name="day", kind="date", label="Day", help="", required=True)
FLAG = Field(name="flag", kind="bool", label="Flag", help="", default=False)
NAMES = Field(name="symbols", kind="symbols", label="Symbols", help="", required=True)


def test_zero_is_a_value_and_not_a_missing_one():
    values, errors = parse_fields((FEE,), {"fee_rate": 0})

    assert (values, errors) == ({"fee_rate": 0.0}, [])


def test_only_an_absent_field_takes_its_default():
    values, errors = parse_fields((FEE, PERIOD), {"period": ""})

    assert values == {"fee_rate": 0.001}
    assert [(error.field, error.value) for error in errors] == [("period", "")]


@pytest.mark.parametrize("raw", ["ten", "", "nan", "inf", "1e400", -0.1, 0.6, True, [], {}, "0x10"])
def test_a_number_out_of_bounds_or_not_a_number_is_refused_with_what_is_allowed(raw):
    with pytest.raises(ValidationError, match="must be a number from 0 up to 0.5, got"):
        FEE.parse(raw)


RATE = Field(name="rate", kind="float", label="", help="", default=0.1, low=0, high=10, unit="per year")
LOSS = Field(name="loss", kind="float", label="", help="", low=0, high=1_000_000, unit="%")
MONEY = Field(name="money", kind="float", label="", help="", low=0, high=1e12, unit="currency")
SLIP = Field(name="slip", kind="float", label="", help="", default=5.0, low=0, high=5_000, unit="bps")


@pytest.mark.parametrize(
    ("field", "raw", "value"),
    [
        (RATE, "10%", 0.1), (RATE, "0.1 %", 0.001), (RATE, "1,000%", 10.0), (LOSS, "5%", 5.0), (LOSS, "7.5", 7.5),
        (MONEY, "$100000", 100_000.0), (MONEY, "$ 100,000.50", 100_000.5), (MONEY, "100,000", 100_000.0),
        (MONEY, "₩1,000,000", 1_000_000.0), (PERIOD, " 20 ", 20), (SLIP, "1,500", 1_500.0),
    ],
)  # fmt: skip
def test_a_number_is_read_as_people_write_it(field, raw, value):
    assert field.parse(raw) == value


@pytest.mark.parametrize(
    ("field", "raw", "why"),
    [
        (SLIP, "5%", "its unit is bps; 1% is 100 bps"),
        (MONEY, "10%", "its unit is currency; write it without %"),
        (PERIOD, "10%", "it has no unit; write it without %"),
        (RATE, "$3", r"its unit is per year; write it without \$"),
        (RATE, "0,5", "a decimal sign is a point: write 0.5"),
        (RATE, "0,050", "a decimal sign is a point: write 0.050"),
        (MONEY, "1,00", "a decimal sign is a point: write 1.00"),
    ],
)
def test_a_number_whose_unit_is_not_clear_is_refused_with_how_to_write_it(field, raw, why):
    with pytest.raises(ValidationError, match=why):
        field.parse(raw)


@given(st.floats(0, 1_000_000, allow_subnormal=False).map(lambda value: round(value, 6)))
def test_a_number_means_the_same_in_every_spelling(value):
    assert MONEY.parse(f"{value:,.6f}") == value
    assert MONEY.parse(f"${value:.6f}") == value
    assert LOSS.parse(f"{value:.6f}%") == value


@pytest.mark.parametrize(
    ("unit", "raw", "value"),
    [
        ("bps", "10 bps", 10.0), ("bps", "2.5BPS", 2.5), ("bars", "20 bars", 20.0), ("currency", "100,000원", 100_000.0),
        ("currency", "1e5", 100_000.0), ("currency", "1_000", 1_000.0), ("%", "\u22125%", -5.0), ("fraction", "10 %", 0.1),
    ],
)  # fmt: skip
def test_the_unit_of_the_field_may_stand_behind_the_number(unit, raw, value):
    assert Field(name="x", kind="float", label="X", help="X.", unit=unit).parse(raw) == value


@pytest.mark.parametrize(
    ("unit", "raw"),
    [("bps", "10 bars"), ("currency", "10 bps"), ("", "10 bps"), ("bps", "bps"), ("%", "10원")],
)
def test_the_unit_of_another_field_is_no_number(unit, raw):
    with pytest.raises(ValidationError, match="must be a number"):
        Field(name="x", kind="float", label="X", help="X.", unit=unit).parse(raw)


def test_null_is_no_way_to_take_a_default():
    values, errors = parse_fields((FEE, CASH, LOSS), {"fee_rate": None, "loss": None})

    assert [(error.field, error.message) for error in errors] == [
        ("fee_rate", "must be a number from 0 up to 0.5, got null; leave it out for the default, 0.001")
    ]
    assert values["loss"] is None


def test_an_exclusive_bound_refuses_the_bound_itself():
    with pytest.raises(ValidationError, match="must be a number above 0, got 0"):
        CASH.parse(0)


@pytest.mark.parametrize("raw", [14.5, "14.5", "1e2000", 1])
def test_a_whole_number_has_no_fraction_and_stays_in_bounds(raw):
    with pytest.raises(ValidationError, match="must be a whole number from 2 up to 500"):
        PERIOD.parse(raw)


def test_texts_of_forms_become_the_type_of_the_field():
    assert PERIOD.parse("20") == 20
    assert FLAG.parse("on") is True
    assert NAMES.parse("SP500, GOOG") == NAMES.parse("SP500 GOOG") == ("SP500", "GOOG")
    assert str(DAY.parse("2009-01-02")) == "2009-01-02"


@pytest.mark.parametrize("raw", ["20090102", "2009-13-01", "02/01/2009", 20090102, "2009-01-02T00:00"])
def test_only_an_iso_date_is_a_date(raw):
    with pytest.raises(ValidationError, match=r"must be a date \(YYYY-MM-DD\)"):
        DAY.parse(raw)


def test_a_mistyped_choice_is_answered_with_the_nearest_one():
    with pytest.raises(
        ValidationError, match="must be one of next_open, close, got 'closed'; did you mean close"
    ):
        FILL.parse("closed")


def test_an_unknown_name_is_answered_with_the_nearest_one_and_nothing_is_dropped_silently():
    _, errors = parse_fields((FEE, FILL), {"fee": 1, "fees_rate": 0.1})

    assert [error.field for error in errors] == ["fee", "fees_rate"]
    assert "did you mean fee_rate?" in errors[1].message


def test_every_mistake_is_reported_at_once():
    _, errors = parse_fields((FEE, PERIOD, DAY), {"fee_rate": "x", "period": 0})

    assert [error.field for error in errors] == ["fee_rate", "period", "day"]


@pytest.mark.parametrize("raw", [[], "", ["A", "A"], "A,,B", ["A B"], [""], [1], ["x" * 33], ["\x00"]])
def test_a_list_of_symbols_is_neither_empty_nor_doubled_nor_odd(raw):
    with pytest.raises(ValidationError):
        NAMES.parse(raw)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=5,
    )
)
def test_whatever_is_received_a_field_answers_with_a_value_or_a_refusal(raw):
    for field in (FEE, PERIOD, CASH, FILL, DAY, FLAG, NAMES):
        try:
            field.parse(raw)
        except ValidationError as error:
            assert str(error)


def test_the_json_schema_of_a_field_carries_its_bounds_and_default():
    assert FEE.schema() == {
        "type": "number",
        "description": "",
        "minimum": 0,
        "maximum": 0.5,
        "default": 0.001,
    }
    assert FILL.schema()["enum"] == ["next_open", "close"]
    assert CASH.schema()["exclusiveMinimum"] == 0


@pytest.mark.parametrize("raw", [{"n": 20, "K": "1.5"}, "n=20, k = 1.5", " n=20; K=1.5,"])
def test_named_numbers_are_read_from_an_object_and_from_text(raw):
    assert Field(name="constants", kind="numbers", label="", help="").parse(raw) == {"n": 20.0, "k": 1.5}


@pytest.mark.parametrize(
    "raw",
    [
        None,
        3,
        "n",
        "n=",
        "n=1, n=2",
        {"n": "many"},
        {"2n": 1},
        {"n": 1, "N": 2},
        {"n": float("inf")},
        "n={{x}}",
    ],
)
def test_what_is_not_named_numbers_is_refused(raw):
    with pytest.raises(ValidationError):
        Field(name="constants", kind="numbers", label="", help="").parse(raw)
