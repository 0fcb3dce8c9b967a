// How a secret looks: its state in words, who made it, who uses it, and what can be done with it.

import { h, name } from './dom.js';
import { DAY, duration, moment, relative, day } from './dates.js';
import { clock } from './api.js';
import { icon } from './icons.js';
import { chart } from './chart.js';
import { note } from './notices.js';

const DOTS = '••••••••';

export const isLive = (secret) => Date.parse(secret.expires_at) > clock.now();
export const usedLately = (secret) =>
  secret.last_used_at !== null && clock.now() - Date.parse(secret.last_used_at) < DAY;

/** The first three characters, then dots. */
export const hint = (secret) =>
  h(
    'code',
    { class: 'hint' },
    h('span', { class: 'unseen' }, 'begins with '),
    secret.hint,
    h('span', { 'aria-hidden': 'true' }, DOTS),
  );

/** How it stands: an icon and words, never a colour alone. */
export function statusBadge(secret) {
  const left = Date.parse(secret.expires_at) - clock.now();
  if (left <= 0) return h('span', { class: 'badge danger' }, icon('stop'), `Expired ${duration(left)} ago`);
  if (secret.status === 'expiring')
    return h('span', { class: 'badge warning' }, icon('warning'), `Expires in ${duration(left)}`);
  return h('span', { class: 'badge ok' }, icon('check'), 'Active');
}

/** When, from where and by what it was last used. */
export function lastUse(secret) {
  if (!secret.last_used_at) return h('span', { class: 'muted' }, 'Never used');
  return [
    relative(secret.last_used_at),
    secret.last_used_from && [' from ', h('code', {}, secret.last_used_from)],
    secret.last_used_with && [' by ', name(secret.last_used_with, { class: 'agent' })],
  ];
}

/** A secret of the list; `actions` are its buttons. */
export function secretCard(secret, actions) {
  return h(
    'article',
    { class: `panel secret ${secret.status}`, 'data-secret': secret.id },
    h(
      'div',
      { class: 'secret-head' },
      h(
        'div',
        { class: 'secret-title' },
        h('h3', {}, name(secret.name)),
        h('div', { class: 'secret-marks' }, hint(secret), statusBadge(secret)),
      ),
      h('div', { class: 'secret-actions' }, actions),
    ),
    secret.tried_after_expiry_at &&
      note(
        'danger',
        'Expired, and still tried ',
        relative(secret.tried_after_expiry_at),
        ': a system still has it and gets no token. Give that system a new secret.',
      ),
    h(
      'div',
      { class: 'secret-body' },
      h(
        'dl',
        { class: 'facts' },
        fact('Last used', lastUse(secret)),
        fact(isLive(secret) ? 'Expires' : 'Expired', day(secret.expires_at)),
        fact('Created', [day(secret.created_at), ' by ', name(secret.created_by)]),
      ),
      chart(secret),
    ),
    reminders(secret),
  );
}

export const fact = (term, value) => h('div', {}, h('dt', {}, term), h('dd', {}, value));

const STATES = {
  sent: 'sent',
  pending: 'waiting to be sent since',
  failed: 'could not be delivered',
  suppressed: 'not sent any more, since',
};
const KINDS = {
  please_delete: 'Request to delete it',
  expired: 'Notice that it has expired',
  still_tried: 'Notice that it is still tried',
  withdrawn: 'Notice that it was deleted',
};

function reminders(secret) {
  const list = secret.notifications ?? [];
  if (list.length === 0) return null;
  const line = (one) =>
    h(
      'li',
      {},
      KINDS[one.kind] ?? reminder(one.threshold_days),
      ' to ',
      name(one.recipient),
      ': ',
      STATES[one.state] ?? one.state,
      ' ',
      moment(one.at),
    );
  return h(
    'details',
    { class: 'reminders' },
    h('summary', {}, `E-mails about it (${list.length})`),
    h('ul', {}, list.map(line)),
  );
}

function reminder(days) {
  if (days === 0) return 'Reminder on the last day';
  return `Reminder ${days} ${days === 1 ? 'day' : 'days'} before`;
}
