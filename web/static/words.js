// Counts and intervals in sentences; the pages that the server writes use web/presentation/formatting.py.
const INTERVALS = { "1d": "daily", "1w": "weekly", "1mo": "monthly", "3mo": "quarterly", "1y": "yearly", "1h": "hourly" };
const UNITS = { h: "hour", m: "minute", s: "second" };

export const counted = (count, one) => `${count.toLocaleString("en")} ${one}${count === 1 ? "" : "s"}`;

export const interval = (timeframe) => INTERVALS[timeframe] ?? `${parseInt(timeframe, 10)}-${UNITS[timeframe.at(-1)]}`;
