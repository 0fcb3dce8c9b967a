// Tokens per day over 30 days, as a bar chart with a text alternative.

import { clock } from './api.js';
import { DAY, isoDay, number, utcDay } from './dates.js';
import { h, svg } from './dom.js';
import { t } from './texts.js';

const DAYS = 30;
const [WIDTH, HEIGHT] = [180, 40];

/** The chart of a secret. */
export function chart(secret) {
  const today = clock.now();
  const counts = new Map(secret.tokens_per_day.map((one) => [one.day, one.tokens]));
  const days = Array.from({ length: DAYS }, (_, at) => isoDay(today - (DAYS - 1 - at) * DAY));
  const values = days.map((day) => counts.get(day) ?? 0);
  const total = values.reduce((sum, one) => sum + one, 0);
  const highest = Math.max(...values, 1);
  const step = WIDTH / DAYS;
  const bars = values.map((value, at) => {
    const height = value === 0 ? 1 : Math.max(3, (value / highest) * HEIGHT);
    const place = { x: at * step + 0.75, y: HEIGHT - height, width: step - 1.5, height, rx: 1 };
    const words = `${utcDay(days[at])}: ${number(value)}`;
    return svg('rect', { class: value ? 'bar' : 'bar none', ...place }, svg('title', {}, words));
  });
  const words = t.chart.total(total, number(total), DAYS);
  const label = t.chart.label(words, values.filter(Boolean).length, number(highest));
  return h(
    'figure',
    { class: 'chart' },
    svg(
      'svg',
      { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'img', 'aria-label': label, preserveAspectRatio: 'none' },
      bars,
    ),
    h('figcaption', {}, words),
  );
}
