// Times: shown as the reader's browser writes them, with UTC for whoever asks. Now is the server's now.

import { h } from './dom.js';
import { clock } from './api.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

const dateFormat = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });
const timeFormat = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

/** `2026-11-24 14:05:09 UTC` */
function utc(iso) {
  return `${new Date(iso).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

function stamp(iso, text) {
  return h('time', { datetime: iso, title: utc(iso) }, text, h('span', { class: 'unseen' }, ` (${utc(iso)})`));
}

/** A day, as the reader writes it. */
export const day = (iso) => stamp(iso, dateFormat.format(new Date(iso)));

/** A day with its time. */
export const moment = (iso) => stamp(iso, timeFormat.format(new Date(iso)));

/** How long ago, or how far ahead. */
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
  const [unit, length] = UNITS.find(
    ([name, unitLength]) => size >= unitLength && !(name === 'month' && size < 60 * DAY),
  ) ?? ['minute', MINUTE];
  const count = Math.max(1, Math.floor(size / length));
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}

function relativeText(iso) {
  const difference = Date.parse(iso) - clock.now();
  if (Math.abs(difference) < MINUTE) return difference > 0 ? 'in less than a minute' : 'just now';
  return difference > 0 ? `in ${duration(difference)}` : `${duration(difference)} ago`;
}

/** The day of an instant in UTC, as a date field takes it. */
export const isoDay = (milliseconds) => new Date(milliseconds).toISOString().slice(0, 10);

/** The same day some months later; where there is no such day, the last of that month. */
export function plusMonths(milliseconds, months) {
  const date = new Date(milliseconds);
  const wanted = date.getUTCDate();
  date.setUTCDate(1);
  date.setUTCMonth(date.getUTCMonth() + months);
  const last = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
  date.setUTCDate(Math.min(wanted, last));
  return date.getTime();
}
