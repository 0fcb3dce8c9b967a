// Common parts of lists: debounced search, tables that become cards on narrow screens, pagination.

import { get, isAbort, SessionOver } from './api.js';
import { add, h, newId, replace } from './dom.js';
import { showProblem } from './forms.js';
import { icon } from './icons.js';
import { announce } from './notices.js';
import { t } from './texts.js';

const PAUSE = 250;
const PAGE = 50;
/** The server's largest page size. */
const MOST = 200;

/** A search field; `find(text)` is called after a pause, one call at a time, and always for the last text. */
export function searchBox(label, find, value = '') {
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
    value,
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

/** A button for the next page; nothing at the end. */
export function moreButton(next, show) {
  if (!next) return null;
  const problem = h('div', { role: 'alert' });
  const run = () =>
    guarded(problem, async () => {
      await show();
      announce(t.list.added);
    });
  return h(
    'div',
    { class: 'more' },
    h('button', { type: 'button', class: 'button', onclick: run }, t.list.more),
    problem,
  );
}

/**
 * A list with pagination and filters. The search and the number of pages belong to the entry in the browser's
 * history: Back restores them, unless it is a part of a view that does not remember. `show(items, fresh)` draws;
 * `filters` are names and values of the query.
 */
export function pagedList({ path, signal, show, filters = {}, remembers = true }) {
  const more = h('div', {});
  const kept = (remembers && history.state?.list) || {};
  const list = { filters: { ...filters, ...kept.filters }, more, load, filter };
  let shown = 0;
  let reads = 0;
  return list;

  function remember() {
    if (!remembers) return;
    history.replaceState({ ...history.state, list: { filters: list.filters, shown } }, '');
  }

  /** `number` is that of the list: what was asked for later is what is shown, also if this fails. */
  async function read(limit, after, number) {
    const query = new URLSearchParams(Object.entries(list.filters).filter(([, value]) => value));
    query.set('limit', limit);
    if (after) query.set('after', after);
    const page = await get(`${path}?${query}`, { signal }).catch((error) => {
      if (number === reads) throw error;
    });
    if (number !== reads) return null;
    const fresh = !after;
    show(page.items, fresh);
    shown = fresh ? page.items.length : shown + page.items.length;
    replace(
      more,
      moreButton(page.next, () => number === reads && read(PAGE, page.next, number)),
    );
    remember();
    return page.next;
  }

  /** Fetches as many pages as were shown before. */
  async function load() {
    const number = ++reads;
    const wanted = Math.max(PAGE, shown || (kept.shown ?? 0));
    let after = await read(Math.min(wanted, MOST), null, number);
    while (after && shown < wanted) after = await read(Math.min(wanted - shown, MOST), after, number);
  }

  /** Fetches again with other filters. */
  function filter(changes) {
    Object.assign(list.filters, changes);
    return read(PAGE, null, ++reads);
  }
}

const busy = new WeakSet();

/** Runs an action, once despite repeated clicks, and shows its error in place. */
export async function guarded(place, action) {
  if (busy.has(place)) return;
  busy.add(place);
  await attempt(place, action);
  busy.delete(place);
}

/** Runs an action, and shows its error in place. */
export async function attempt(place, action) {
  replace(place);
  try {
    await action();
  } catch (error) {
    if (!(error instanceof SessionOver) && !isAbort(error)) showProblem(place, error);
  }
}

/** A table: `columns` are headings; rows are lists of cells. Each cell carries its heading for narrow screens. */
export function table(caption, columns, kind = '') {
  const body = h('tbody', {});
  const headings = columns.map((text) =>
    h('th', { scope: 'col' }, text || h('span', { class: 'unseen' }, t.list.actions)),
  );
  const element = h(
    'div',
    { class: `panel table ${kind}` },
    h('table', {}, h('caption', { class: 'unseen' }, caption), h('thead', {}, h('tr', {}, headings)), body),
  );
  const cell = (content, at) => {
    const kindOfCell = { 'data-heading': columns[at] || null, class: columns[at] ? null : 'row-actions' };
    return h(at === 0 ? 'th' : 'td', { scope: at === 0 ? 'row' : null, ...kindOfCell }, content);
  };
  element.fill = (rows, { fresh = true, empty = t.list.empty } = {}) => {
    if (fresh) replace(body);
    if (fresh && rows.length === 0) {
      add(body, h('tr', {}, h('td', { colspan: columns.length, class: 'empty' }, empty)));
    }
    for (const cells of rows) add(body, h('tr', {}, cells.map(cell)));
  };
  return element;
}

/** Enabled or disabled, as a badge. */
export function stateBadge(enabled) {
  return h(
    'span',
    { class: `badge ${enabled ? 'ok' : 'danger'}` },
    icon(enabled ? 'check' : 'stop'),
    enabled ? t.state.enabled : t.state.disabled,
  );
}

/** Production or sandbox, as a badge. */
export const environmentBadge = (environment) =>
  h('span', { class: `badge ${environment}` }, t.environment[environment] ?? environment);
