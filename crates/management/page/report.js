// The report of all secrets and other credentials, with filters and as a CSV file for a spreadsheet.

import { all, download } from './api.js';
import { expiry, moment, relative } from './dates.js';
import { h, name, newId, replace } from './dom.js';
import { select } from './forms.js';
import { icon } from './icons.js';
import { attempt, guarded, pagedList, table } from './lists.js';
import { address } from './secrets.js';
import { t, titled } from './texts.js';

const words = t.report;
const PATH = '/reports/secrets';

export async function reportView(main, { signal }) {
  titled(words.title);
  const organisations = await all('/organisations', { signal });
  const list = table(words.title, words.columns);
  const problem = h('div', { role: 'alert' });
  const text = (type) => h('input', { class: 'input', type, min: type === 'number' ? '0' : null, autocomplete: 'off' });
  const controls = {
    expiring_until: labelled(words.expiringUntil, text('date')),
    older_than: labelled(words.olderThan, text('number')),
    organisation_id: labelled(
      t.organisation,
      select([['', words.any], ...organisations.map((one) => [one.id, one.name])]),
    ),
  };
  const neverUsed = h('input', { type: 'checkbox' });
  const paged = pagedList({
    path: PATH,
    signal,
    show: (items, fresh) => list.fill(items.map(cells), { fresh, empty: words.none }),
  });
  for (const [key, one] of Object.entries(controls)) one.control.value = paged.filters[key] ?? '';
  neverUsed.checked = paged.filters.never_used === 'true';

  function wanted() {
    const values = Object.entries(controls).map(([key, one]) => [key, one.control.value]);
    return { ...Object.fromEntries(values), never_used: neverUsed.checked ? 'true' : '' };
  }

  const apply = () => attempt(problem, () => paged.filter(wanted()));
  const submit = (event) => {
    event.preventDefault();
    apply();
  };
  const clear = () => {
    filters.reset();
    apply();
  };
  const save = () =>
    guarded(problem, () => {
      const query = new URLSearchParams(Object.entries(wanted()).filter(([, value]) => value));
      return download(`${PATH}?${query}`, 'text/csv', 'secrets.csv');
    });
  const filters = h(
    'form',
    { class: 'panel filters', 'aria-label': t.audit.filters, onsubmit: submit },
    Object.values(controls),
    h('label', { class: 'check' }, neverUsed, h('span', {}, words.neverUsed)),
    h(
      'div',
      { class: 'filter-actions' },
      h('button', { type: 'submit', class: 'button primary' }, t.audit.filter),
      h('button', { type: 'button', class: 'button', onclick: clear }, t.audit.clear),
    ),
  );
  await paged.load();
  replace(
    main,
    h(
      'div',
      { class: 'page-head' },
      h('div', {}, h('h1', { tabindex: '-1' }, words.title), h('p', { class: 'lead' }, words.lead)),
      h('button', { type: 'button', class: 'button', onclick: save }, icon('down'), words.csv),
    ),
    filters,
    problem,
    list,
    paged.more,
  );
}

function labelled(label, control) {
  control.id = newId('filter');
  const element = h('div', { class: 'field' }, h('label', { for: control.id }, label), control);
  element.control = control;
  return element;
}

const cells = (one) => [
  [
    h('a', { href: address(one) }, name(one.secret_name)),
    one.credential_kind !== 'secret' && h('div', { class: 'muted small' }, words.kinds[one.credential_kind]),
  ],
  [h('div', {}, one.application_name), h('div', { class: 'muted small' }, name(one.organisation_name))],
  [expiry(one.expires_at), one.expired && [' ', h('span', { class: 'badge danger' }, icon('stop'), t.secret.expired)]],
  moment(one.created_at),
  one.last_used_at ? relative(one.last_used_at) : t.secret.neverUsed,
];
