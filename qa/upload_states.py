"""The states of an upload that are photographed: what was understood, a question, a correction, a refusal."""

from playwright.sync_api import Page, expect

_DAYS = ("03", "04", "05", "06", "07", "10", "11", "12", "13", "14", "17", "18", "19", "20", "21")
_INVESTING = '"Date","Price","Open","High","Low","Vol.","Change %"\n' + "".join(
    f'"01/{day}/2022","1,{460 + int(day)}.81","1,{450 + int(day)}.98","1,{475 + int(day)}.62","1,{440 + int(day)}.52",'
    f'"1.{day}M","0.52%"\n'
    for day in reversed(_DAYS)
)
_KRAKEN = "".join(
    f"{1_641_168_000 + 86_400 * number},122.5,{124 + number % 5}.19,121.9,{122 + number % 3}.18,3.9916,{4 + number}\n"
    for number in range(15)
)
STATES = {
    "upload-preview": ("ACME Stock Price History.csv", _INVESTING),
    "upload-question": ("XBTUSD_1440.csv", _KRAKEN),
    "upload-correction": ("ACME.csv", _INVESTING),
    "upload-refusal": (
        "ACME.csv",
        _INVESTING.replace('"1,463.81"', '"n. v."').replace("01/04/2022", "01/34/2022"),
    ),
}
TITLES = {
    "upload-preview": "An upload: what was understood of the file, before anything is stored",
    "upload-question": "An upload that leaves something open: the question with its answers",
    "upload-correction": "An upload that is corrected: how to read the file",
    "upload-refusal": "An upload that cannot be read: every mistake by its line",
}


def show(page: Page, state: str) -> None:
    """Choose the file of a state on the page of datasets, and wait until it was looked at."""
    name, text = STATES[state]
    file = {"name": name, "mimeType": "text/csv", "buffer": text.encode()}
    page.get_by_label("CSV or Parquet file").set_input_files([file])
    expect(page.locator("#preview .notice")).to_be_visible()
    if state == "upload-preview":
        page.get_by_label("Symbol", exact=True).fill("ACME")
        page.get_by_label("CSV or Parquet file").dispatch_event("change")
        expect(page.get_by_text("ACME is ready to upload.")).to_be_visible()
    if state == "upload-correction":
        page.get_by_text("How to read the file", exact=True).click()
        page.get_by_label("Columns", exact=True).fill("close=Open")
        page.get_by_label("Columns", exact=True).blur()
        expect(page.get_by_text("close = Open", exact=False)).to_be_visible()
