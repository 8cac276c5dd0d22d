"""What the excerpts under tests/data/price_files must be read as, checked against their rows by eye."""

from dataclasses import dataclass, field
from pathlib import Path

from backtest.prices.reading.options import ReadOptions

FOLDER = Path(__file__).parents[1] / "data" / "price_files"
NONE = float("nan")
"""A volume that the file does not give."""


@dataclass(frozen=True)
class Symbol:
    """A symbol of a file: its ticker where the file names it, bars, and open, high, low, close and volume of two."""

    name: str
    bars: int
    timeframe: str
    first_day: str
    last_day: str
    first: tuple[float, ...]
    last: tuple[float, ...]


@dataclass(frozen=True, init=False)
class File:
    """What a file holds; `asks` are the options of its questions besides that of its symbol."""

    about: str
    symbols: tuple[Symbol, ...]
    order: str = "oldest first"
    adjusted: str | None = None
    repairs: dict[str, int] = field(default_factory=dict)
    asks: tuple[str, ...] = ()

    def __init__(self, about, *symbols, **rest):
        object.__setattr__(self, "about", about)
        object.__setattr__(self, "symbols", symbols)
        for name, value in ({"repairs": {}} | rest).items():
            object.__setattr__(self, name, value)

    @property
    def names_itself(self):
        """Whether the file says which symbols it holds."""
        return bool(self.symbols[0].name)


def answered(questions):
    """The options that take the guess of each question, as a form and a command line write them."""
    return {question["option"]: question["guess"] for question in questions if question["option"] != "symbol"}


def options(questions):
    """The same, parsed."""
    return ReadOptions.parse(answered([question.as_json() for question in questions]))


FILES = {
    "alpaca-0500-utc.csv": File(
        "Alpaca: days at five in the morning UTC, at four in summer",
        Symbol(
            "",
            60,
            "1d",
            "2022-01-03",
            "2022-03-29",
            (33.119998931884766, 33.189998626708984, 33.0, 33.15999984741211, 1763100.0),
            (29.68000030517578, 29.829999923706055, 29.280000686645508, 29.559999465942383, 8018100.0),
        ),
    ),
    "alpha-vantage.csv": File(
        "Alpha Vantage: adjusted, newest first",
        Symbol(
            "",
            12,
            "1d",
            "2023-04-18",
            "2023-05-03",
            (166.1, 167.41, 165.65, 166.47, 49923008.0),
            (169.5, 170.92, 167.16, 167.45, 65136018.0),
        ),
        order="newest first",
        adjusted="adjusted_close",
    ),
    "binance-klines.csv": File(
        "Binance: klines without a header",
        Symbol(
            "",
            10,
            "1m",
            "2021-11-27",
            "2021-11-27T00:09:00",
            (2.853e-05, 2.854e-05, 2.851e-05, 2.854e-05, 36304.2),
            (2.863e-05, 2.865e-05, 2.863e-05, 2.865e-05, 8160.5),
        ),
        asks=("columns",),
    ),
    "cryptodatadownload.csv": File(
        "CryptoDataDownload: a line before the header",
        Symbol(
            "BTCUSD",
            11,
            "1d",
            "2019-10-07",
            "2019-10-17",
            (7859.79, 8310.57, 7762.35, 8209.0, 80691163.82),
            (7993.54, 8070.0, 7937.01, 8034.32, 12537245.82),
        ),
        order="newest first",
    ),
    "eurusd-hourly.csv": File(
        "backtesting.py: hours without a zone, dates without a name",
        Symbol(
            "",
            24,
            "1h",
            "2017-04-19T09:00:00",
            "2017-04-20T08:00:00",
            (1.0716, 1.0722, 1.07083, 1.07219, 1413.0),
            (1.07486, 1.07758, 1.07481, 1.07698, 1935.0),
        ),
    ),
    "excel-unicode-text.csv": File(
        "Excel, saved as Unicode text: UTF-16 and tabs",
        Symbol(
            "",
            40,
            "1d",
            "2020-01-02",
            "2020-02-28",
            (55500.0, 56000.0, 55000.0, 55200.0, 12993228.0),
            (55000.0, 55500.0, 54200.0, 54200.0, 30054227.0),
        ),
    ),
    "fx-no-volume.csv": File(
        "minutes of foreign exchange without volume",
        Symbol(
            "",
            12,
            "1m",
            "2012-02-01",
            "2012-02-01T00:11:00",
            (1.57608, 1.5761, 1.57585, 1.57585, NONE),
            (1.57575, 1.5759, 1.57563, 1.57563, NONE),
        ),
    ),
    "google-finance.csv": File(
        "Google Finance: years of two digits",
        Symbol(
            "",
            12,
            "1d",
            "2010-12-15",
            "2010-12-31",
            (30.59, 30.7, 30.26, 30.49, 30537611.0),
            (31.22, 31.33, 30.93, 31.3, 11716389.0),
        ),
        order="newest first",
    ),
    "google-sheets.csv": File(
        "Google Sheets: each day at 16:00",
        Symbol(
            "",
            25,
            "1d",
            "2018-07-05",
            "2018-08-08",
            (272.17, 273.18, 270.96, 273.11, 56925919.0),
            (285.39, 285.91, 284.94, 285.46, 42114551.0),
        ),
    ),
    "investing.csv": File(
        "Investing.com: byte order mark, thousands, units, newest first",
        Symbol(
            "",
            40,
            "1d",
            "2026-05-27",
            "2026-07-23",
            (30081.28, 30099.03, 29809.41, 29976.12, 188960000.0),
            (28545.98, 28726.62, 28274.52, 28454.81, 1430000000.0),
        ),
        order="newest first",
        repairs={"widened": 2},
    ),
    "korean-header-cp949.csv": File(
        "the same in the encoding of Korean Windows",
        Symbol(
            "",
            12,
            "1d",
            "1990-01-03",
            "1990-01-16",
            (22500.0, 22500.0, 22500.0, 22500.0, 10.0),
            (21500.0, 21500.0, 21300.0, 21300.0, 250.0),
        ),
    ),
    "korean-header.csv": File(
        "Korean header",
        Symbol(
            "",
            12,
            "1d",
            "1990-01-03",
            "1990-01-16",
            (22500.0, 22500.0, 22500.0, 22500.0, 10.0),
            (21500.0, 21500.0, 21300.0, 21300.0, 250.0),
        ),
    ),
    "korean-no-header.csv": File(
        "Korean prices with thousands and without a header",
        Symbol(
            "",
            13,
            "1d",
            "1985-01-04",
            "1985-01-18",
            (6511.0, 6511.0, 6473.0, 6473.0, 2232.0),
            (6205.0, 6228.0, 6205.0, 6220.0, 6618.0),
        ),
        asks=("columns",),
    ),
    "korean-zero-rows.csv": File(
        "holidays as rows of zeros",
        Symbol(
            "",
            7,
            "1d",
            "2015-01-02",
            "2015-01-12",
            (26799.0, 26799.0, 26540.0, 26600.0, 175499.0),
            (26260.0, 26379.0, 26020.0, 26320.0, 166508.0),
        ),
        repairs={"zeros": 4},
    ),
    "kraken.csv": File(
        "Kraken: no header",
        Symbol(
            "",
            13,
            "1d",
            "2013-10-06",
            "2013-10-19",
            (122.0, 122.0, 122.0, 122.0, 0.1),
            (157.74, 171.25, 157.64, 165.56, 72.545),
        ),
        asks=("columns",),
    ),
    "krx-halt.csv": File(
        "KRX: trading halted, closes carried forward",
        Symbol(
            "",
            2,
            "1d",
            "2018-04-27",
            "2018-05-04",
            (53380.0, 53639.0, 52440.0, 53000.0, 606216.0),
            (53000.0, 53900.0, 51800.0, 51900.0, 39565391.0),
        ),
        repairs={"halted": 3},
    ),
    "lean.csv": File(
        "LEAN: ten-thousandths without a header",
        Symbol(
            "",
            13,
            "1d",
            "1998-01-02",
            "1998-01-21",
            (97.31, 97.53, 96.53, 97.36, 2150000.0),
            (97.22, 97.69, 96.16, 97.16, 4526300.0),
        ),
        asks=("columns", "divide_by"),
    ),
    "metatrader-4.csv": File(
        "MetaTrader 4: tabs, no header",
        Symbol(
            "",
            13,
            "1d",
            "2009-09-09",
            "2009-09-23",
            (1.45684, 1.45734, 1.453, 1.45472, 20326.0),
            (1.48084, 1.48421, 1.46852, 1.47258, 82014.0),
        ),
        asks=("columns",),
    ),
    "nasdaq.csv": File(
        "Nasdaq.com: Close/Last and dollars",
        Symbol(
            "",
            12,
            "1d",
            "2020-10-08",
            "2020-10-23",
            (3224.99, 3233.2944, 3174.99, 3190.55, 3174114.0),
            (3191.0, 3205.33, 3140.0, 3204.4, 3466687.0),
        ),
        order="newest first",
    ),
    "naver.csv": File(
        "Naver Finance: an index and dotted dates",
        Symbol(
            "",
            12,
            "1d",
            "2025-01-15",
            "2025-02-05",
            (54100.0, 54700.0, 53500.0, 53700.0, 18625025.0),
            (53600.0, 53800.0, 52800.0, 52900.0, 15974885.0),
        ),
    ),
    "nse.csv": File(
        "NSE by Quandl: Last and Close, Total Trade Quantity",
        Symbol(
            "",
            12,
            "1d",
            "2018-09-11",
            "2018-09-28",
            (222.5, 225.4, 214.85, 216.0, 3508990.0),
            (234.05, 235.95, 230.2, 233.75, 3069914.0),
        ),
        order="newest first",
    ),
    "pandas-time-zone.parquet": File(
        "pandas: an index in the time of New York",
        Symbol(
            "",
            60,
            "1d",
            "2022-01-03",
            "2022-03-29",
            (33.119998931884766, 33.189998626708984, 33.0, 33.15999984741211, 1763100.0),
            (29.68000030517578, 29.829999923706055, 29.280000686645508, 29.559999465942383, 8018100.0),
        ),
    ),
    "plain-days-then-offsets.csv": File(
        "plain days, then midnights with an offset",
        Symbol(
            "",
            52,
            "1d",
            "2026-04-07",
            "2026-06-18",
            (255.92421782448065, 255.96418954301222, 245.47383916108728, 253.26666259765625, 62148000.0),
            (298.44000244140625, 300.57000732421875, 295.6199951171875, 298.010009765625, 76701676.0),
        ),
    ),
    "plotly.csv": File(
        "Plotly: columns prefixed with the ticker",
        Symbol(
            "AAPL",
            8,
            "1d",
            "2015-02-17",
            "2015-02-26",
            (122.57834891256196, 123.91480483624082, 122.03030859586073, 122.905254, 63152400.0),
            (123.82826117465298, 125.82812952544789, 121.73225501418479, 125.395469, 91287500.0),
        ),
        adjusted="AAPL.Adjusted",
    ),
    "quandl-two-tickers-apart.csv": File(
        "Quandl: two tickers whose days do not overlap",
        Symbol(
            "AAPL",
            30,
            "1d",
            "2014-01-02",
            "2014-02-13",
            (73.86237566092274, 74.04182103801432, 73.3760122277538, 73.523423281972, 8381600.0),
            (71.4912797455138, 72.85382068855571, 71.42977151844813, 72.797661002974, 10978500.0),
        ),
        Symbol(
            "ZEN",
            30,
            "1d",
            "2014-05-15",
            "2014-06-26",
            (11.4, 13.92, 11.06, 13.43, 8421300.0),
            (17.9, 18.0, 17.57, 17.68, 77100.0),
        ),
        adjusted="adj_close",
    ),
    "quandl-two-tickers-by-date.csv": File(
        "Quandl: two tickers, day by day",
        Symbol(
            "AAPL",
            10,
            "1d",
            "2014-01-02",
            "2014-01-15",
            (73.86237566092274, 74.04182103801432, 73.3760122277538, 73.523423281972, 8381600.0),
            (73.57526305757563, 74.46318536792505, 73.32802720469391, 74.085685463525, 13987100.0),
        ),
        Symbol(
            "MSFT",
            10,
            "1d",
            "2014-01-02",
            "2014-01-15",
            (33.70425354403482, 33.74937302669082, 33.4786561307548, 33.532799509942, 30632200.0),
            (32.39578854701074, 33.198915338287605, 32.35066906435473, 33.171843648694, 44812600.0),
        ),
        adjusted="adj_close",
    ),
    "quandl-two-tickers.csv": File(
        "Quandl: two tickers, one after the other",
        Symbol(
            "AAPL",
            25,
            "1d",
            "2014-01-02",
            "2014-02-06",
            (73.86237566092274, 74.04182103801432, 73.3760122277538, 73.523423281972, 8381600.0),
            (68.2019267328707, 68.6619013004923, 67.90107127439727, 68.529524898764, 9205900.0),
        ),
        Symbol(
            "MSFT",
            25,
            "1d",
            "2014-01-02",
            "2014-02-06",
            (33.70425354403482, 33.74937302669082, 33.4786561307548, 33.532799509942, 30632200.0),
            (32.30554958169837, 32.71162492560241, 32.206286719855164, 32.648457649884, 35351800.0),
        ),
        adjusted="adj_close",
    ),
    "quandl-wiki-reverse-split.csv": File(
        "Quandl WIKI: a reverse split and Adj. Close",
        Symbol(
            "",
            64,
            "1d",
            "2009-05-15",
            "2009-08-14",
            (29.41881224052904, 30.525971840979054, 26.255499096386128, 27.204493039629, 117540000.0),
            (19.644174625126777, 19.644174625126777, 18.600281287559653, 19.27248533069, 14340500.0),
        ),
        adjusted="Adj. Close",
    ),
    "semicolons-decimal-commas.csv": File(
        "Europe: semicolons and decimal commas",
        Symbol(
            "",
            12,
            "1d",
            "2000-01-03",
            "2000-01-19",
            (116.03125, 116.03125, 113.0, 113.5, 1278800.0),
            (115.625, 115.796875, 114.59375, 115.5625, 1003400.0),
        ),
    ),
    "semicolons-timestamp-utc.csv": File(
        "semicolons and timestamp_utc",
        Symbol(
            "",
            9,
            "1m",
            "2024-01-01T23:01:00",
            "2024-01-01T23:09:00",
            (1.1076, 1.10785, 1.1076, 1.1078, 205.0),
            (1.10745, 1.1075, 1.1074, 1.10745, 84.0),
        ),
    ),
    "stooq-monthly-then-daily.csv": File(
        "Stooq: months until 1885, days from then on",
        Symbol(
            "",
            34,
            "1d",
            "1885-02-17",
            "1885-03-28",
            (4.37, 4.37, 4.37, 4.37, 0.0),
            (4.32, 4.32, 4.32, 4.32, 0.0),
        ),
        asks=("keep_timeframe",),
    ),
    "tiingo.csv": File(
        "Tiingo",
        Symbol(
            "AAPL",
            12,
            "1d",
            "2015-05-27",
            "2015-06-11",
            (120.11136013219517, 121.88068506279065, 119.84411834580315, 121.6825575315, 45833246.0),
            (119.04239298659743, 119.96391638794901, 118.39271898864456, 118.4986941798, 35390887.0),
        ),
        adjusted="adjClose",
    ),
    "tradingview-es-2001.csv": File(
        "TradingView: unix times of nine digits",
        Symbol(
            "",
            12,
            "1d",
            "2001-08-10",
            "2001-08-27",
            (1188.0, 1197.5, 1172.0, 1191.25, 174116.0),
            (1187.75, 1192.0, 1179.5, 1180.25, 131497.0),
        ),
    ),
    "tradingview-es-daily.csv": File(
        "TradingView: futures at 22:00 and 23:00 UTC of the evening before",
        Symbol(
            "",
            150,
            "1d",
            "2022-01-03",
            "2022-08-08",
            (4771.0, 4791.25, 4747.5, 4786.0, 1322362.0),
            (4149.75, 4188.0, 4129.25, 4141.75, 1536449.0),
        ),
    ),
    "tradingview-es-hourly.csv": File(
        "TradingView: hours of futures from Sunday evening on",
        Symbol(
            "",
            345,
            "1h",
            "2022-01-02T23:00:00",
            "2022-01-24T02:00:00",
            (4771.0, 4777.5, 4770.75, 4775.0, 13421.0),
            (4424.75, 4427.5, 4416.25, 4418.25, 11587.0),
        ),
    ),
    "tradingview-spx-1950.csv": File(
        "TradingView: unix times before 1970",
        Symbol(
            "",
            12,
            "1d",
            "1950-01-03",
            "1950-01-18",
            (16.66, 16.66, 16.66, 16.66, 1260000.0),
            (16.85, 16.85, 16.85, 16.85, 1570000.0),
        ),
    ),
    "tradingview-spx-daily.csv": File(
        "TradingView: days at the opening in New York",
        Symbol(
            "",
            59,
            "1d",
            "2010-04-19",
            "2010-07-12",
            (1192.06, 1197.87, 1183.68, 1197.52, 6597740000.0),
            (1077.23, 1080.78, 1070.45, 1078.75, 3426990000.0),
        ),
    ),
    "wsj.csv": File(
        "Wall Street Journal: years of two digits, no volume",
        Symbol(
            "",
            30,
            "1d",
            "2026-05-11",
            "2026-06-23",
            (7385.31, 7428.97, 7384.2, 7412.84, NONE),
            (7366.51, 7424.17, 7347.6, 7365.46, NONE),
        ),
        order="newest first",
    ),
    "yahoo-hong-kong-empty-row.csv": File(
        "Yahoo: a day of a typhoon without prices",
        Symbol(
            "",
            29,
            "1d",
            "2024-06-13",
            "2024-07-25",
            (4.340000152587891, 4.349999904632568, 4.28000020980835, 4.320000171661377, 195542304.0),
            (4.400000095367432, 4.440000057220459, 4.309999942779541, 4.340000152587891, 301688549.0),
        ),
        repairs={"empty": 1},
        adjusted="Adj Close",
    ),
    "yahoo-london.csv": File(
        "Yahoo: closes of London outside high and low",
        Symbol(
            "",
            12,
            "1d",
            "2022-01-04",
            "2022-01-19",
            (0.8996241401714054, 0.9064690766136335, 0.88006709364594, 0.8947348785400391, 98045.0),
            (1.0022986651641392, 1.0071879269454278, 0.977852356257697, 0.9925201416015625, 20296.0),
        ),
        repairs={"widened": 3},
        adjusted="Adj Close",
    ),
    "yahoo-tel-aviv.csv": File(
        "Yahoo: Sunday to Thursday",
        Symbol(
            "",
            100,
            "1d",
            "2022-01-02",
            "2022-05-25",
            (142.96549450790008, 143.23024542365548, 141.46523931861967, 141.729990234375, 42781.0),
            (175.09522679227945, 177.67286420036766, 170.6764198069853, 172.14935546875, 60997.0),
        ),
        adjusted="Adj Close",
    ),
    "yfinance-download.csv": File(
        "yfinance: download() with three header lines",
        Symbol(
            "AAPL",
            2,
            "1d",
            "2024-01-02",
            "2024-01-03",
            (10.0, 11.0, 9.0, 10.5, 100.0),
            (10.0, 11.0, 9.0, 10.6, 100.0),
        ),
    ),
    "yfinance-multiindex.parquet": File(
        "yfinance: columns of two levels",
        Symbol(
            "EWG",
            60,
            "1d",
            "2022-01-03",
            "2022-03-29",
            (33.119998931884766, 33.189998626708984, 33.0, 33.15999984741211, 1763100.0),
            (29.68000030517578, 29.829999923706055, 29.280000686645508, 29.559999465942383, 8018100.0),
        ),
    ),
    "yfinance-one-ulp.csv": File(
        "yfinance: a low above the close by the last bit",
        Symbol(
            "",
            5,
            "1d",
            "2008-09-05",
            "2008-09-11",
            (28.387422211935874, 28.447325429737656, 28.021345581466623, 28.4406681060791, 40900.0),
            (27.542113815969483, 27.761757186944735, 27.36240421843105, 27.715166091918945, 128600.0),
        ),
        repairs={"rounding": 1},
    ),
    "yfinance-rounded.csv": File(
        "yfinance: highs and lows off by the last bit",
        Symbol(
            "",
            12,
            "1d",
            "1980-12-12",
            "1980-12-30",
            (0.09820697456598282, 0.09863393771601012, 0.09820697456598282, 0.09820697456598282, 469033600.0),
            (0.12041048344408946, 0.12041048344408946, 0.11998353153467178, 0.11998353153467178, 68880000.0),
        ),
        repairs={"rounding": 2},
    ),
    "yfinance-three-header-lines.csv": File(
        "yfinance: three header lines",
        Symbol(
            "MSFT",
            6,
            "1d",
            "2024-09-10",
            "2024-09-17",
            (402.6084339185776, 410.62704280907684, 402.1152829853601, 408.5262451171875, 19594300.0),
            (434.1997005769437, 435.79750485485505, 426.3487157034463, 429.18927001953125, 18874200.0),
        ),
    ),
}
