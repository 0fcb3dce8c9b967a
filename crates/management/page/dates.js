// Dates and times in the page's language and the reader's time zone, with UTC in detail. Now is the server's time.

import { clock } from './api.js';
import { h } from './dom.js';
import { locale, t } from './texts.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

const DATE = { day: 'numeric', month: 'long', year: 'numeric' };
const dateFormat = new Intl.DateTimeFormat(locale, DATE);
const utcDateFormat = new Intl.DateTimeFormat(locale, { ...DATE, timeZone: 'UTC' });
const timeFormat = new Intl.DateTimeFormat(locale, { ...DATE, hour: '2-digit', minute: '2-digit' });
const monthFormat = new Intl.DateTimeFormat(locale, { month: 'short', year: 'numeric', timeZone: 'UTC' });
const numberFormat = new Intl.NumberFormat(locale);

/** A number with the separators of the language. */
export const number = (value) => numberFormat.format(value);

/** `2026-11-24 14:05:09 UTC` */
export function utc(iso) {
  return `${new Date(iso).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

function stamp(iso, text) {
  return h('time', { datetime: iso, title: utc(iso) }, text, h('span', { class: 'unseen' }, ` (${utc(iso)})`));
}

/** The day of an instant, in the reader's time zone. */
export const day = (iso) => stamp(iso, dateFormat.format(new Date(iso)));

/** The day and time of an instant, in the reader's time zone. */
export const moment = (iso) => stamp(iso, timeFormat.format(new Date(iso)));

/** Whether an expiry was chosen as a day: then it is that day's last second in UTC. */
const isWholeDay = (iso) => new Date(iso).toISOString().slice(11, 19) === '23:59:59';

/** A secret's expiry: the chosen day, the same for every reader; or the instant, if one was chosen. */
export const expiryText = (iso) => (isWholeDay(iso) ? utcDateFormat : timeFormat).format(new Date(iso));
export const expiry = (iso) => stamp(iso, expiryText(iso));

/** The exact instant of an expiry, in UTC and in the reader's time zone. */
export const exactly = (iso) => t.dates.exactly(utc(iso), timeFormat.format(new Date(iso)));

/** A day in UTC such as `2026-11-24`, in words. */
export const utcDay = (isoDate) => utcDateFormat.format(new Date(isoDate));

/** A month for the name of a secret. */
export const month = (milliseconds) => monthFormat.format(milliseconds);

/** Relative time, past or future. */
export const relative = (iso) => stamp(iso, relativeText(iso));

const UNITS = [
  ['year', 365 * DAY],
  ['month', 30.44 * DAY],
  ['day', DAY],
  ['hour', HOUR],
  ['minute', MINUTE],
];

/** `5 minutes`, `3 days`: the largest unit that fits, rounded down; days up to two months. */
export function duration(milliseconds) {
  const size = Math.abs(milliseconds);
  const fits = ([name, length]) => size >= length && !(name === 'month' && size < 60 * DAY);
  const [unit, length] = UNITS.find(fits) ?? ['minute', MINUTE];
  return t.dates[unit](Math.max(1, Math.floor(size / length)));
}

function relativeText(iso) {
  const difference = Date.parse(iso) - clock.now();
  if (Math.abs(difference) < MINUTE) return difference > 0 ? t.dates.soon : t.dates.justNow;
  return difference > 0 ? t.dates.ahead(duration(difference)) : t.dates.ago(duration(difference));
}

/** The day of an instant in UTC, in the format of a date field. */
export const isoDay = (milliseconds) => new Date(milliseconds).toISOString().slice(0, 10);

/** The same day some months later; if that month lacks it, the month's last day. */
export function plusMonths(milliseconds, months) {
  const date = new Date(milliseconds);
  const wanted = date.getUTCDate();
  date.setUTCDate(1);
  date.setUTCMonth(date.getUTCMonth() + months);
  const last = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
  date.setUTCDate(Math.min(wanted, last));
  return date.getTime();
}
