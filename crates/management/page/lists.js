// What lists share: a search that waits for a pause in typing, tables that become cards on narrow screens, more on demand.

import { add, h, newId, replace } from './dom.js';
import { icon } from './icons.js';
import { SessionOver, isAbort } from './api.js';
import { announce } from './notices.js';
import { showProblem } from './forms.js';

const PAUSE = 250;

/** A search field; `find(text)` is called after a pause, one call after the other, and the last text is always found. */
export function searchBox(label, find) {
  const id = newId('search');
  const problem = h('div', { role: 'alert' });
  let timer = 0;
  let queue = Promise.resolve();
  const control = h('input', {
    id,
    type: 'search',
    class: 'input',
    placeholder: label,
    autocomplete: 'off',
    spellcheck: 'false',
    maxlength: 120,
  });
  control.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      const text = control.value.trim();
      queue = queue.then(() => (text === control.value.trim() ? attempt(problem, () => find(text)) : null));
    }, PAUSE);
  });
  return h(
    'div',
    { class: 'search', role: 'search' },
    h('label', { class: 'unseen', for: id }, label),
    icon('search'),
    control,
    problem,
  );
}

/** A button for the next part of a list; nothing at its end. */
export function moreButton(next, show) {
  if (!next) return null;
  const problem = h('div', { role: 'alert' });
  const button = h(
    'button',
    {
      type: 'button',
      class: 'button',
      onclick: () =>
        guarded(problem, async () => {
          await show();
          announce('More entries were added.');
        }),
    },
    'Show more',
  );
  return h('div', { class: 'more' }, button, problem);
}

const busy = new WeakSet();

/** Runs something that a person asked for, once however often they click, and says there what went wrong. */
export async function guarded(place, action) {
  if (busy.has(place)) return;
  busy.add(place);
  await attempt(place, action);
  busy.delete(place);
}

async function attempt(place, action) {
  replace(place);
  try {
    await action();
  } catch (error) {
    if (!(error instanceof SessionOver) && !isAbort(error)) showProblem(place, error);
  }
}

/** A table: `columns` are headings; rows are lists of cells. Each cell knows its heading for narrow screens. */
export function table(caption, columns, kind = '') {
  const body = h('tbody', {});
  const element = h(
    'div',
    { class: `panel table ${kind}` },
    h(
      'table',
      {},
      h('caption', { class: 'unseen' }, caption),
      h(
        'thead',
        {},
        h(
          'tr',
          {},
          columns.map((text) => h('th', { scope: 'col' }, text || h('span', { class: 'unseen' }, 'Actions'))),
        ),
      ),
      body,
    ),
  );
  element.fill = (rows, { fresh = true, empty = 'Nothing here.' } = {}) => {
    if (fresh) replace(body);
    if (fresh && rows.length === 0) add(body, h('tr', {}, h('td', { colspan: columns.length, class: 'empty' }, empty)));
    for (const cells of rows) {
      add(
        body,
        h(
          'tr',
          {},
          cells.map((cell, at) =>
            h(
              at === 0 ? 'th' : 'td',
              {
                scope: at === 0 ? 'row' : null,
                'data-heading': columns[at] || null,
                class: columns[at] ? null : 'row-actions',
              },
              cell,
            ),
          ),
        ),
      );
    }
  };
  return element;
}
