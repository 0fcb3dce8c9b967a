// The audit trail, the newest first, with filters.

import { moment } from './dates.js';
import { h, name, newId, replace } from './dom.js';
import { actions, actionText, objectName } from './events.js';
import { icon } from './icons.js';
import { attempt, pagedList, table } from './lists.js';
import { t, titled } from './texts.js';

const words = t.audit;

export async function auditView(main, { signal }) {
  titled(words.title);
  const list = table(words.events, words.columns, 'log');
  const problem = h('div', { role: 'alert' });
  const text = (extra = {}) => h('input', { class: 'input', spellcheck: 'false', autocomplete: 'off', ...extra });
  const choice = (options) =>
    h(
      'select',
      { class: 'input' },
      options.map(([value, label]) => h('option', { value }, label)),
    );
  const controls = {
    search: filter(words.search, text({ maxlength: 120 })),
    actor: filter(words.actor, text({ maxlength: 254 })),
    action: filter(words.action, choice([['', words.any], ...actions()])),
    object: filter(words.object, text({ maxlength: 200 })),
    outcome: filter(
      words.outcome,
      choice([
        ['', words.any],
        ['done', words.done],
        ['denied', words.denied],
      ]),
    ),
  };
  const paged = pagedList({
    path: '/audit-events',
    signal,
    show: (items, fresh) => list.fill(items.map(cells), { fresh, empty: words.none }),
  });
  for (const [key, one] of Object.entries(controls)) one.control.value = paged.filters[key] ?? '';

  function wanted() {
    return Object.fromEntries(Object.entries(controls).map(([key, one]) => [key, one.control.value.trim()]));
  }

  const apply = () => attempt(problem, () => paged.filter(wanted()));

  function narrow(key, value, shown, label) {
    const onclick = () => {
      controls[key].control.value = value;
      apply();
    };
    const button = h('button', { type: 'button', class: 'link plain', title: words.only(label), onclick }, shown);
    return button;
  }

  function cells(one) {
    const done = one.outcome === 'done';
    return [
      moment(one.at),
      narrow('actor', one.actor, name(one.actor), words.thisActor),
      narrow('action', one.action, actionText(one.action), words.thisAction),
      [
        objectName(one, new Map(Object.entries(one.names))),
        ' ',
        one.object.includes('/') && narrow('object', one.object, icon('search'), words.thisObject),
      ],
      h('code', { class: 'once' }, one.source),
      h(
        'span',
        { class: `badge ${done ? 'ok' : 'danger'}` },
        icon(done ? 'check' : 'stop'),
        done ? words.done : words.denied,
      ),
    ];
  }

  const submit = (event) => {
    event.preventDefault();
    apply();
  };
  const clear = () => {
    filters.reset();
    apply();
  };
  const filters = h(
    'form',
    { class: 'panel filters', 'aria-label': words.filters, onsubmit: submit },
    Object.values(controls),
    h(
      'div',
      { class: 'filter-actions' },
      h('button', { type: 'submit', class: 'button primary' }, words.filter),
      h('button', { type: 'button', class: 'button', onclick: clear }, words.clear),
    ),
  );
  await paged.load();
  replace(
    main,
    h(
      'div',
      { class: 'page-head' },
      h('div', {}, h('h1', { tabindex: '-1' }, words.title), h('p', { class: 'lead' }, words.lead)),
    ),
    filters,
    problem,
    list,
    paged.more,
  );
}

function filter(label, control) {
  const id = newId('filter');
  control.id = id;
  const element = h('div', { class: 'field' }, h('label', { for: id }, label), control);
  element.control = control;
  return element;
}
