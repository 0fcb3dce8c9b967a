// The audit trail, the newest first, with filters.

import { h, name, newId, replace } from './dom.js';
import { get } from './api.js';
import { moment } from './dates.js';
import { icon } from './icons.js';
import { guarded, moreButton, table } from './lists.js';

const ACTIONS = [
  'session.create',
  'session.delete',
  'secret.create',
  'secret.delete',
  'application.create',
  'application.enable',
  'application.disable',
  'permission.grant',
  'permission.revoke',
  'manager.assign',
  'manager.remove',
  'organisation.create',
  'organisation.enable',
  'organisation.disable',
  'resource.create',
  'user.create',
  'user.enable',
  'user.disable',
  'user.change_roles',
  'user.open_enrolment',
  'user.enrol',
];

export async function auditView(main, { signal }) {
  document.title = 'Audit trail – Manage API Credentials';
  const list = table('Events', ['When', 'Who', 'What', 'Object', 'From', 'Outcome'], 'log');
  const more = h('div', {});
  const problem = h('div', { role: 'alert' });
  const actionsId = newId('actions');
  const actor = filter(
    'Who (exactly)',
    h('input', { class: 'input', maxlength: 254, spellcheck: 'false', autocomplete: 'off' }),
  );
  const action = filter(
    'What',
    h('input', { class: 'input', list: actionsId, maxlength: 64, spellcheck: 'false', autocomplete: 'off' }),
  );
  const object = filter(
    'Object (exactly)',
    h('input', { class: 'input', maxlength: 200, spellcheck: 'false', autocomplete: 'off' }),
  );
  const outcome = filter(
    'Outcome',
    h(
      'select',
      { class: 'input' },
      [
        ['', 'Any'],
        ['done', 'Done'],
        ['denied', 'Denied'],
      ].map(([value, text]) => h('option', { value }, text)),
    ),
  );
  const load = async (after = null) => show(await get(`/audit-events?${query(after)}`, { signal }), after === null);

  function query(after) {
    const wanted = new URLSearchParams(after ? { after } : {});
    for (const [key, one] of Object.entries({ actor, action, object, outcome })) {
      if (one.control.value.trim()) wanted.set(key, one.control.value.trim());
    }
    return wanted;
  }

  function show(page, fresh) {
    list.fill(page.items.map(cells), { fresh, empty: 'No event fits these filters.' });
    replace(
      more,
      moreButton(page.next, () => load(page.next)),
    );
  }

  const narrow = (one, value, label, kind = '') =>
    h(
      'button',
      {
        type: 'button',
        class: `link plain ${kind}`,
        title: `Only ${label}`,
        onclick: () => {
          one.control.value = value;
          guarded(problem, load);
        },
      },
      name(value),
    );

  function cells(one) {
    return [
      moment(one.at),
      narrow(actor, one.actor, 'this actor'),
      narrow(action, one.action, 'this action', 'once'),
      narrow(object, one.object, 'this object'),
      h('code', { class: 'once' }, one.source),
      h(
        'span',
        { class: `badge ${one.outcome === 'done' ? 'ok' : 'danger'}` },
        icon(one.outcome === 'done' ? 'check' : 'stop'),
        one.outcome === 'done' ? 'Done' : 'Denied',
      ),
    ];
  }

  const filters = h(
    'form',
    {
      class: 'panel filters',
      'aria-label': 'Filters',
      onsubmit: (event) => {
        event.preventDefault();
        guarded(problem, load);
      },
    },
    actor,
    action,
    object,
    outcome,
    h(
      'datalist',
      { id: actionsId },
      ACTIONS.map((value) => h('option', { value })),
    ),
    h(
      'div',
      { class: 'filter-actions' },
      h('button', { type: 'submit', class: 'button primary' }, 'Filter'),
      h(
        'button',
        {
          type: 'button',
          class: 'button',
          onclick: () => {
            filters.reset();
            guarded(problem, load);
          },
        },
        'Clear',
      ),
    ),
  );
  await load();
  replace(
    main,
    h(
      'div',
      { class: 'page-head' },
      h(
        'div',
        {},
        h('h1', { tabindex: '-1' }, 'Audit trail'),
        h(
          'p',
          { class: 'lead' },
          'Who did what, when and from where. Nothing in it can be changed. Click a value to see only its events.',
        ),
      ),
    ),
    filters,
    problem,
    list,
    more,
  );
}

function filter(label, control) {
  const id = newId('filter');
  control.id = id;
  const element = h('div', { class: 'field' }, h('label', { for: id }, label), control);
  element.control = control;
  return element;
}
