// Tokens per day over 30 days, as bars: drawn for eyes, said in words for everybody else.

import { h, svg } from './dom.js';
import { DAY, isoDay } from './dates.js';
import { clock } from './api.js';

const DAYS = 30;
const [WIDTH, HEIGHT] = [180, 40];
const number = new Intl.NumberFormat();

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
    return svg(
      'rect',
      { class: value ? 'bar' : 'bar none', x: at * step + 0.75, y: HEIGHT - height, width: step - 1.5, height, rx: 1 },
      svg('title', {}, `${days[at]}: ${number.format(value)}`),
    );
  });
  const used = values.filter(Boolean).length;
  const words =
    total === 0
      ? 'No token in the last 30 days'
      : `${number.format(total)} ${total === 1 ? 'token' : 'tokens'} in 30 days`;
  const more =
    total === 0 ? '' : `, on ${used} ${used === 1 ? 'day' : 'days'}, at most ${number.format(highest)} on one day`;
  return h(
    'figure',
    { class: 'chart' },
    svg(
      'svg',
      {
        viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
        role: 'img',
        'aria-label': `Tokens per day: ${words.toLowerCase()}${more}`,
        preserveAspectRatio: 'none',
      },
      bars,
    ),
    h('figcaption', {}, words),
  );
}
