// Refused token requests of an application: why a system gets no token, and what to do.

import { moment } from './dates.js';
import { h, name } from './dom.js';
import { guarded, pagedList, table } from './lists.js';
import { t } from './texts.js';

const words = t.refused;

/** A section that fetches the refusal record whenever it is opened. */
export function refusedSection(clientId, signal) {
  const list = table(words.title, words.columns, 'log');
  const problem = h('div', { role: 'alert' });
  const paged = pagedList({
    path: `/applications/${clientId}/refusals`,
    signal,
    show: (items, fresh) => list.fill(items.map(cells), { fresh, empty: words.none }),
    remembers: false,
  });
  const details = h(
    'details',
    {
      class: 'folded',
      ontoggle: ({ target }) => target.open && guarded(problem, () => paged.load()),
    },
    h('summary', {}, words.show),
    problem,
    list,
    paged.more,
  );
  return h('section', { 'aria-labelledby': 'refused-title' }, h('h2', { id: 'refused-title' }, words.title), details);
}

/** On a narrow screen a cell is its heading and one element beside it. */
const parts = (...children) => h('div', {}, children);
const muted = (...children) => h('div', { class: 'muted' }, children);

const cells = (one) => [
  parts(moment(one.last_at), one.count > 1 && muted(words.times(one.count, moment(one.at)))),
  h('div', { lang: 'en' }, one.cause, muted(one.remedy)),
  one.credential_id
    ? parts(name(one.credential_name ?? one.credential_id), ' ', one.hint && h('code', {}, `${one.hint}…`))
    : '–',
  parts(h('code', {}, one.source), muted(name(one.user_agent))),
  parts(h('code', {}, one.last_trace_id), one.resource && muted(one.resource)),
];
