// The history of an application: who created, deleted and changed what.

import { moment } from './dates.js';
import { h, name } from './dom.js';
import { actionText, objectName } from './events.js';
import { guarded, pagedList, table } from './lists.js';
import { t } from './texts.js';

const words = t.history;

/** A section that fetches its events each time it is opened. */
export function historySection(clientId, signal) {
  const list = table(words.title, words.columns, 'log');
  const problem = h('div', { role: 'alert' });
  const paged = pagedList({
    path: `/applications/${clientId}/history`,
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
  return h('section', { 'aria-labelledby': 'history-title' }, h('h2', { id: 'history-title' }, words.title), details);
}

const cells = (one) => [
  moment(one.at),
  actionText(one.action),
  objectName(one, new Map(Object.entries(one.names))),
  name(one.actor),
];
