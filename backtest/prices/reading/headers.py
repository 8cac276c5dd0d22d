"""Names of columns in the exports of the great price sources, in English and Korean, and what they mean.

A table, not a heuristic: a column that stands in no list is not read, and the report of the import says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

PRICES: Final = ("open", "high", "low", "close")

_NAMES: Final[Mapping[str, str]] = {
    "date": "date datetime timestamp day tradedate tradingdate tradingday pricedate asofdate dtyyyymmdd "
            "yyyymmdd timestamputc timeutc dateutc datetimeutc utc gmttime localtime opentime starttime "
            "barstart candlebegintime timeopen snappedat unix unixtime unixtimestamp epoch datum fecha data "
            "날짜 일자 일시 거래일 거래일자 기준일 기준일자 年月日 日付",
    "clock": "time timeofday clock 시간 시각 체결시간",
    "open": "open openprice priceopen opening openingprice o bidopen opn first pxopen openprc eröffnung "
            "eröffn erster ouverture apertura otwarcie 시가 시작가 오픈 始値",
    "high": "high highprice pricehigh h bidhigh max highest pxhigh high1 dayhigh sessionhigh "
            "hightrade hoch tageshoch plushaut haut máximo najwyzszy najwyższy 고가 최고가 高値",
    "low": "low lowprice pricelow l bidlow min lowest pxlow low1 daylow sessionlow lowtrade tief "
           "tagestief plusbas bas mínimo najnizszy najniższy 저가 최저가 安値",
    "close": "close closeprice priceclose closing closingprice closelast c bidclose schluss schlusskurs "
            "clôture cierre zamkniecie zamknięcie 종가 終値",
    "last": "last lastprice price settle settlement settleprice pxlast trdprc1 zuletzt dernier último 현재가 "
            "체결가",
    "volume": "volume vol v tradingvolume tradedvolume volumetraded totaltradequantity totaltradedquantity "
            "noofshares sharestraded quantity shares tickvolume tickvol pxvolume acvoluns totalvolume "
              "tradevolume dayvolume sharevolume totaltradedvolume totaltradevolume ttltrdqnty tradedqty "
            "volumen wolumen 거래량 出来高",
    "adj_close": "adjclose adjustedclose closeadj closeadjusted adjustedcloseprice adjcloseprice adjprice "
                 "adjustedprice adjusted adjclosed adjclosing adjustedclosing splitadjustedclose "
                 "dividendadjustedclose adjclosesplitdividend splitdividendadjustedclose dividendadjclose adjlast "
                 "adjclosingprice closepriceadjusted adjc adjcloseusd 수정종가 수정주가 調整後終値",
    "ticker": "ticker symbol code stock tickersymbol instrument sid permaticker 종목코드 티커 단축코드 심볼 tic",
    "name": "name company 종목명",
}  # fmt: skip
_FIELDS: Final = {name: field for field, names in _NAMES.items() for name in names.split()}
_UNITS: Final = re.compile(
    r"[(\[]\s*(?:usd|eur|gbp|gbx|pence|jpy|krw|won|cny|hkd|inr|rs\.?|aud|cad|chf|usdt|[$€£₩¥]|원|円|元"
    r"|shares|units|contracts|주|株)\s*[)\]]$",
    re.IGNORECASE,
)
"""A unit in brackets behind a name, which leaves its numbers as they are."""
_UNNAMED: Final = frozenset({"", "index", "level0", "indexlevel0", "unnamed0"})
_LOOKS_ADJUSTED: Final = re.compile(r"(?<!un)(?<!un[ _-])adj|수정|調整")
_VOLUME_OF_COIN: Final = re.compile(r"volume([a-z]{2,6})")


@dataclass(frozen=True, slots=True)
class Source:
    """An export that is recognised by the names of its columns."""

    name: str
    columns: frozenset[str]


def _source(name: str, columns: str) -> Source:
    return Source(name, frozenset(columns.split()))


SOURCES: Final = (
    _source("Tiingo", "date close high low open volume adjclose adjhigh divcash splitfactor"),
    _source("Quandl WIKI", "date open high low close volume exdividend splitratio adjclose"),
    _source("Alpha Vantage", "timestamp open high low close adjustedclose volume dividendamount"),
    _source("Investing.com", "date price open high low vol change"),
    _source("Investing.com", "date price open high low change"),
    _source("Investing.com (Korean)", "날짜 종가 시가 고가 저가 거래량 변동"),
    _source("Nasdaq.com", "date closelast volume open high low"),
    _source("Naver Finance", "날짜 종가 전일비 시가 고가 저가 거래량"),
    _source("KRX", "일자 종가 대비 등락률 시가 고가 저가 거래량"),
    _source("FinanceDataReader", "date open high low close volume change"),
    _source("CryptoDataDownload", "date symbol open high low close volumebtc"),
    _source("CryptoDataDownload", "unix date symbol open high low close"),
    _source("NSE via Quandl", "date open high low last close totaltradequantity turnoverlacs"),
    _source("Binance", "opentime open high low close volume closetime"),
    _source("Yahoo Finance", "date open high low close adjclose volume"),
    _source("yfinance", "datetime open high low close adjclose volume dividends stocksplits"),
    _source("yfinance", "date open high low close volume dividends stocksplits"),
    _source("Alpaca", "timestamp open high low close volume tradecount vwap"),
    _source("Polygon.io", "v vw o c h l t n"),
    _source("TradingView", "time open high low close volume"),
    _source("Kaggle, S&P 500 in five years", "date open high low close volume name"),
)


def normalised(name: str) -> str:
    """A column's name as the tables write it: lower case, letters and digits only, without the 1. of ``1. open``."""
    return re.sub(r"[\W_]+", "", re.sub(r"^\s*\d{1,2}\.?\s+", "", name[:80].lower()))


def field_of(name: str) -> str | None:
    """The field that a column of this name holds, or None; a unit or an explanation behind it does not count."""
    plain = re.split(r"\s\s", _UNITS.sub("", name[:160].strip()))[0]
    return _FIELDS.get(normalised(name)) or _FIELDS.get(normalised(plain))


def looks_adjusted(name: str) -> bool:
    """Whether the name speaks of adjusted prices, known to the tables or not."""
    plain = name.lower()
    return bool(_LOOKS_ADJUSTED.search(plain)) and not any(
        word in plain for word in ("vol", "unadj", "non-adj")
    )


def source_of(names: Iterable[str]) -> str | None:
    """The export that has these columns; the one with the most columns where several fit."""
    present = {normalised(name) for name in names}
    fitting = [source for source in SOURCES if source.columns <= present]
    return max(fitting, key=lambda source: len(source.columns)).name if fitting else None


def split_prefix(name: str) -> tuple[str, str] | None:
    """Ticker and field of a name such as ``AAPL.Open``, ``Close_MSFT`` or ``('Close', 'EWG')``."""
    parts = re.findall(r"[^\s'\"(),]+", name[:80]) if name.startswith("(") else []
    if len(parts) == 2:
        pairs = [(parts[0], parts[1]), (parts[1], parts[0])]
    else:
        cut = re.split(r"[._ :|/-]", name[:80])
        pairs = [
            (name[: -len(cut[-1]) - 1], cut[-1]),
            (name[len(cut[0]) + 1 :], cut[0]),
            (".".join(cut[:-2]), " ".join(cut[-2:])),
            (".".join(cut[2:]), " ".join(cut[:2])),
        ]
    for ticker, field in pairs:
        if ticker and field_of(field) in (*PRICES, "volume", "adj_close") and not field_of(ticker):
            return ticker, field
    return None


def find_fields(names: Sequence[str]) -> dict[str, int]:
    """Where each field stands among the columns; of two columns of one field the first counts.

    ``price`` and ``last`` are the close where nothing else is; ``time`` is the date where nothing else
    is, else the clock of the day; a first column without a name is the date where nothing else is.
    """
    places: dict[str, int] = {}
    for place, name in enumerate(names):
        field = field_of(name)
        if field and field not in places:
            places[field] = place
    if "date" not in places and "clock" in places:
        places["date"] = places.pop("clock")
    if "date" not in places and "t" in map(normalised, names):
        places["date"] = [normalised(name) for name in names].index("t")
    if "date" not in places and names and normalised(names[0]) in _UNNAMED:
        places["date"] = 0
    last = places.pop("last", None)
    if "close" not in places and last is not None:
        places["close"] = last
    if "volume" not in places:
        places |= _volume_of_a_coin(names)
    company = places.pop("name", None)
    if company is not None and "ticker" not in places:
        places["ticker"] = company
    return places


def _volume_of_a_coin(names: Sequence[str]) -> dict[str, int]:
    """``Volume BTC`` and ``Volume USD`` stand side by side: the first one counts the coins."""
    for place, name in enumerate(names):
        if _VOLUME_OF_COIN.fullmatch(normalised(name)) and normalised(name) != "volumema":
            return {"volume": place}
    return {}
