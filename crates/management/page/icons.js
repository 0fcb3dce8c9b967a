// Icons: strokes in a square of 24. They always accompany text, so they are hidden from screen readers.

import { svg } from './dom.js';

const PATHS = {
  key: ['M11 12a4 4 0 1 1-8 0 4 4 0 0 1 8 0Z', 'M11 12h10M17 12v3.5M20.5 12v2.5'],
  copy: ['M9 9h11v11H9z', 'M5 15H4V4h11v1'],
  check: ['M4.5 12.5 10 18 20 6.5'],
  clock: ['M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18Z', 'M12 7.5V12l3 2'],
  warning: ['M12 3.5 22 20.5H2Z', 'M12 10v5M12 17.6v.4'],
  stop: ['M8.2 3h7.6L21 8.2v7.6L15.8 21H8.2L3 15.8V8.2Z', 'M12 7.5v5.5M12 16.2v.4'],
  info: ['M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18Z', 'M12 11v5.5M12 7.6v.4'],
  plus: ['M12 5v14M5 12h14'],
  bin: ['M4 7h16M9.5 7V4.5h5V7M6.5 7l1 13h9l1-13M10 11v5.5M14 11v5.5'],
  rotate: ['M19.5 9A8 8 0 0 0 5 8.2M4.5 4.5v4h4', 'M4.5 15A8 8 0 0 0 19 15.8M19.5 19.5v-4h-4'],
  close: ['M6 6l12 12M18 6 6 18'],
  search: ['M10.5 4a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13Z', 'M15.5 15.5 20 20'],
  down: ['M12 4v11M7 10.5l5 5 5-5M5 20h14'],
  next: ['M9 5.5 15.5 12 9 18.5'],
  pause: ['M8.500 5v14M15.500 5v14'],
  back: ['M15 5.5 8.5 12l6.5 6.5'],
  people: [
    'M12.5 8.5a3.5 3.5 0 1 1-7 0 3.5 3.5 0 0 1 7 0Z',
    'M2.5 20c.4-4 2.8-6 6.500-6s6.100 2 6.500 6',
    'M15.500 5.300a3.500 3.500 0 0 1 0 6.400M18 14.600c2 .8 3.200 2.600 3.500 5.400',
  ],
  more: ['M6 9l6 6 6-6'],
  rows: ['M4 6h16M4 12h16M4 18h16'],
  person: ['M12 4a4 4 0 1 1 0 8 4 4 0 0 1 0-8Z', 'M4.5 20.5c.5-4.500 3.300-6.500 7.500-6.500s7 2 7.500 6.500'],
  out: ['M10 4H5v16h5', 'M15 8l4.500 4-4.500 4M19 12H10'],
};

/** An icon by its name. */
export function icon(which) {
  const paths = PATHS[which].map((d) => svg('path', { d }));
  return svg('svg', { class: 'icon', viewBox: '0 0 24 24', 'aria-hidden': 'true', focusable: 'false' }, paths);
}
