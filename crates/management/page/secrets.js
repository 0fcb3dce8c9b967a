// The view of a secret: its status in words, its creator, its use, and the actions on it.

import { clock } from './api.js';
import { chart } from './chart.js';
import { DAY, day, duration, exactly, expiry, moment, relative } from './dates.js';
import { h, name } from './dom.js';
import { icon } from './icons.js';
import { note } from './notices.js';
import { origin } from './origins.js';
import { t } from './texts.js';

const words = t.secret;
const DOTS = '••••••••';

export const isLive = (secret) => Date.parse(secret.expires_at) > clock.now();
export const usedLately = (secret) =>
  secret.last_used_at !== null && clock.now() - Date.parse(secret.last_used_at) < DAY;

const suspension = (secret) => (secret.suspended_until ? Date.parse(secret.suspended_until) - clock.now() : 0);
/** Whether it is suspended. */
export const isSuspended = (secret) => suspension(secret) > 0;

/** The link to it: a secret has one of its own, other credentials are on the page of their application. */
export const address = (one) =>
  `#/applications/${one.client_id}${one.credential_kind === 'secret' ? `/secrets/${one.secret_id}` : ''}`;

/** The hint, then dots. */
export const hint = (secret) =>
  h(
    'code',
    { class: 'hint' },
    h('span', { class: 'unseen' }, words.beginsWith, ' '),
    secret.hint,
    h('span', { 'aria-hidden': 'true' }, DOTS),
  );

/** The status: an icon and words, never a colour alone. A reported leak comes before the expiry. */
export function statusBadge(secret) {
  return [secret.leak_reported_at && badge('danger', 'stop', words.leaked), timeBadge(secret)];
}

const badge = (kind, picture, text) => h('span', { class: `badge ${kind}` }, icon(picture), text);

function timeBadge(secret) {
  const left = Date.parse(secret.expires_at) - clock.now();
  if (left <= 0) return badge('danger', 'stop', words.expiredAgo(duration(left)));
  if (isSuspended(secret)) return badge('warning', 'pause', words.suspendedFor(duration(suspension(secret))));
  if (secret.graced_at) return badge('danger', 'clock', words.gracedFor(duration(left)));
  if (secret.rotated_itself_at) return badge('', 'rotate', words.handedOverFor(duration(left)));
  if (secret.status === 'expiring') return badge('warning', 'warning', words.expiresIn(duration(left)));
  return badge('ok', 'check', words.active);
}

/** When, from which source and by which program it was last used. */
export function lastUse(secret, { brief = false } = {}) {
  if (!secret.last_used_at) return h('span', { class: 'muted' }, words.neverUsed);
  return [
    relative(secret.last_used_at),
    secret.last_used_from && [' ', words.from, ' ', h('code', {}, secret.last_used_from)],
    !brief && secret.last_used_with && [' ', words.by, ' ', name(secret.last_used_with, { class: 'agent' })],
  ];
}

export const expiryTerm = (secret) => (isLive(secret) ? words.expires : words.expired);

/** A secret as a card; `actions` are its buttons. */
export function secretCard(secret, actions) {
  return h(
    'article',
    { class: `panel secret ${secret.status}`, 'data-secret': secret.id },
    h('div', { class: 'secret-head' }, title(secret), h('div', { class: 'secret-actions' }, actions)),
    notes(secret),
    h(
      'div',
      { class: 'secret-body' },
      h(
        'dl',
        { class: 'facts' },
        fact(words.lastUsed, lastUse(secret)),
        fact(expiryTerm(secret), expiry(secret.expires_at)),
        fact(words.created, words.createdBy(day(secret.created_at), name(secret.created_by))),
      ),
      chart(secret),
    ),
    reminders(secret),
  );
}

/** A secret as one line in a long list; the details unfold. */
export function secretRow(secret, actions) {
  const rest = h(
    'div',
    { class: 'secret-rest', id: `rest-${secret.id}`, hidden: true },
    h(
      'dl',
      { class: 'facts' },
      fact(words.lastUsed, lastUse(secret)),
      fact(expiryTerm(secret), [
        expiry(secret.expires_at),
        h('div', { class: 'muted small' }, exactly(secret.expires_at)),
      ]),
      fact(words.created, words.createdBy(day(secret.created_at), name(secret.created_by))),
    ),
    chart(secret),
    reminders(secret),
  );
  const toggle = h(
    'button',
    {
      type: 'button',
      class: 'button quiet',
      'aria-expanded': 'false',
      'aria-controls': rest.id,
      'data-key': `more-${secret.id}`,
      onclick: () => {
        rest.hidden = !rest.hidden;
        toggle.setAttribute('aria-expanded', String(!rest.hidden));
      },
    },
    icon('more'),
    t.details,
    h('span', { class: 'unseen' }, ' ', name(secret.name)),
  );
  return h(
    'article',
    { class: `secret dense ${secret.status}`, 'data-secret': secret.id },
    h(
      'div',
      { class: 'secret-line' },
      title(secret),
      h(
        'dl',
        { class: 'brief' },
        fact(words.lastUsed, lastUse(secret, { brief: true })),
        fact(expiryTerm(secret), expiry(secret.expires_at)),
      ),
      h('div', { class: 'secret-actions' }, toggle, actions),
    ),
    notes(secret),
    rest,
  );
}

function title(secret) {
  return h(
    'div',
    { class: 'secret-title' },
    h('h3', { tabindex: '-1' }, name(secret.name)),
    h('div', { class: 'secret-marks' }, hint(secret), statusBadge(secret)),
  );
}

/** Warnings about it, and what to do. */
export function notes(secret) {
  const tried = secret.tried_after_expiry_at;
  return [
    secret.leak_reported_at && leaked(secret),
    tried && note('danger', words.tried(relative(tried), origin(secret))),
    isSuspended(secret) && suspended(secret),
    isLive(secret) && secret.graced_at && note('danger', words.graced(expiry(secret.expires_at))),
    isLive(secret) && secret.rotated_itself_at && note('info', words.handedOver(expiry(secret.expires_at))),
  ];
}

function leaked(secret) {
  const from = h('code', {}, secret.leak_reported_from);
  return note(
    'danger',
    h('p', {}, words.leakedAt(moment(secret.leak_reported_at), from)),
    h('p', {}, words.leakedAdvice),
  );
}

function suspended(secret) {
  const missed = secret.tried_while_suspended_at;
  return note(
    'warning',
    h('p', {}, words.suspendedUntil(moment(secret.suspended_until))),
    missed && h('p', {}, words.missed(relative(missed))),
    !missed && !secret.leak_reported_at && h('p', {}, words.notMissed),
  );
}

export const fact = (term, value) => h('div', {}, h('dt', {}, term), h('dd', {}, value));

function reminders(secret) {
  const list = secret.notifications ?? [];
  if (list.length === 0) return null;
  const line = (one) => {
    const what = words.mail[one.kind] ?? words.reminder(one.threshold_days);
    return h(
      'li',
      {},
      words.mailed(what, name(one.recipient), words.mailState[one.state] ?? one.state, moment(one.at)),
    );
  };
  return h(
    'details',
    { class: 'reminders' },
    h('summary', { 'data-key': `mails-${secret.id}` }, words.mails(list.length)),
    h('ul', {}, list.map(line)),
  );
}
