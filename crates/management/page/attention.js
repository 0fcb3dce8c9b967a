// What the WMDA team should look at.

import { h, name, replace } from './dom.js';
import { clock, get } from './api.js';
import { day, duration, relative } from './dates.js';
import { icon } from './icons.js';

const KINDS = [
  [
    'secret_expired_yet_tried',
    'Expired, and still tried',
    'A system still has an expired secret and gets no token. Somebody at the organisation does not know yet.',
  ],
  [
    'secret_expiring',
    'Expiring within a month',
    'The managers are reminded by e-mail. Ask those whose secret is in use and not yet replaced.',
  ],
  ['too_few_managers', 'Fewer than two managers', 'If the only manager is ill or leaves, nobody rotates the secrets.'],
];

export async function attentionView(main, { signal }) {
  document.title = 'Needs attention – Manage API Credentials';
  const { items, complete } = await get('/attention', { signal });
  const groups = KINDS.map(([kind, title, why]) => [items.filter((one) => one.kind === kind), title, why]).filter(
    ([found]) => found.length > 0,
  );
  replace(
    main,
    h(
      'div',
      { class: 'page-head' },
      h(
        'div',
        {},
        h('h1', { tabindex: '-1' }, 'Needs attention'),
        h('p', { class: 'lead' }, items.length === 0 ? 'Nothing now.' : summary(items.length, complete)),
      ),
    ),
    items.length === 0 &&
      h(
        'p',
        { class: 'panel empty' },
        icon('check'),
        ' No secret expires within a month, and every application has two managers.',
      ),
    groups.map(([found, title, why]) =>
      h(
        'section',
        {},
        h(
          'div',
          { class: 'section-head' },
          h('h2', {}, title, ' ', h('span', { class: 'count' }, String(found.length))),
        ),
        h('p', { class: 'muted' }, why),
        h('ul', { class: 'panel rows' }, found.map(row)),
      ),
    ),
  );
}

const summary = (count, complete) =>
  `${count}${complete ? '' : ' and more'} ${count === 1 ? 'matter' : 'matters'} to look at, the most urgent first.`;

function row(one) {
  return h(
    'li',
    {},
    h(
      'div',
      {},
      h('a', { href: `#/applications/${one.client_id}` }, h('strong', {}, one.application_name)),
      ' ',
      h('span', { class: 'muted' }, name(one.organisation_name)),
      h('div', { class: 'small' }, detail(one)),
    ),
    mark(one),
  );
}

function detail(one) {
  if (one.kind === 'too_few_managers')
    return one.able_managers === 0 ? 'Nobody can sign in to manage it.' : 'One person can sign in to manage it.';
  const used = one.last_used_at ? ['last used ', relative(one.last_used_at)] : 'never used';
  if (one.kind === 'secret_expired_yet_tried')
    return [name(one.secret_name), ', expired ', day(one.expires_at), ', tried ', relative(one.tried_after_expiry_at)];
  return [name(one.secret_name), ', expires ', day(one.expires_at), ', ', used];
}

function mark(one) {
  if (one.kind === 'secret_expiring')
    return h(
      'span',
      { class: 'badge warning' },
      icon('warning'),
      `${duration(Date.parse(one.expires_at) - clock.now())} left`,
    );
  if (one.kind === 'secret_expired_yet_tried') return h('span', { class: 'badge danger' }, icon('stop'), 'Expired');
  return h('span', { class: 'badge' }, icon('people'), `${one.able_managers} of 2`);
}
