// The rotation assistant. Nothing is kept here: the new secret names the one that it replaces, and the rest follows from
// the use of both. So it can be closed and resumed, and every manager sees the same.

import { h, name } from './dom.js';
import { clock } from './api.js';
import { manages } from './session.js';
import { DAY, duration, moment } from './dates.js';
import { icon } from './icons.js';
import { announce, note } from './notices.js';
import { hint, isLive, lastUse } from './secrets.js';

const STEPS = ['Create the new secret', 'Use the new secret', 'Let the old one fall silent', 'Delete the old one'];
const said = new Map();

/** The rotations of an application: pairs of a secret and the one that it replaces, as long as both are there. */
export function rotations(secrets) {
  const byId = new Map(secrets.map((one) => [one.id, one]));
  return secrets
    .filter((one) => byId.has(one.replaces))
    .map((one) => ({ fresh: one, old: byId.get(one.replaces), done: false }));
}

/** How long to wait before looking again: seconds at first, a minute later. Without a rotation nothing is asked. */
export function pollEvery(pending, waited) {
  if (pending.length === 0) return 1_000;
  if (pending.some((one) => step(one) === 1)) return waited < 5 * 60_000 ? 3_000 : 15_000;
  return waited < 5 * 60_000 ? 10_000 : 60_000;
}

const quietFor = (old) => (old.last_used_at ? clock.now() - Date.parse(old.last_used_at) : Infinity);

/** Which step is next, from 1: 4 is over. A day of silence is enough: a token lives for an hour. */
function step({ fresh, old, done }) {
  if (done) return 4;
  if (!fresh.last_used_at) return 1;
  return isLive(old) && quietFor(old) < DAY ? 2 : 3;
}

/** The panel of one rotation. */
export function rotationPanel(rotation, tools) {
  const { fresh, old } = rotation;
  const at = step(rotation);
  speak(fresh.id, at);
  const titleId = `rotation-${fresh.id}`;
  return h(
    'section',
    { class: 'panel rotation', 'aria-labelledby': titleId, 'data-step': at },
    h('h2', { id: titleId }, icon('rotate'), at === 4 ? 'Rotation finished' : 'Rotation under way'),
    h(
      'p',
      { class: 'pair' },
      h('span', {}, h('span', { class: 'muted' }, 'Old '), name(old.name), ' ', hint(old)),
      icon('next'),
      h('span', {}, h('span', { class: 'muted' }, 'New '), name(fresh.name), ' ', hint(fresh)),
    ),
    h(
      'ol',
      { class: 'steps' },
      STEPS.map((text, index) =>
        h(
          'li',
          {
            class: index < at ? 'past' : index === at ? 'now' : 'ahead',
            'aria-current': index === at ? 'step' : null,
          },
          h('span', { class: 'step-mark', 'aria-hidden': 'true' }, index < at ? icon('check') : String(index + 1)),
          h('span', {}, text),
          h('span', { class: 'unseen' }, index < at ? ', done' : ''),
        ),
      ),
    ),
    [null, waiting, silence, ready, finished][at](rotation, tools),
  );
}

function speak(id, at) {
  const before = said.get(id);
  said.set(id, at);
  if (before !== undefined && before < at)
    announce(
      [
        '',
        '',
        'The new secret was used for the first time.',
        'The old secret has fallen silent.',
        'The rotation has finished.',
      ][at],
    );
}

const live = (text) => h('p', { class: 'live' }, h('span', { class: 'pulse', 'aria-hidden': 'true' }), text);

function waiting({ fresh, old }, tools) {
  return [
    h(
      'p',
      {},
      'Put the new secret into your system, then restart or reload it. The old one goes on working meanwhile.',
    ),
    live('Waiting for its first use. You can close this page: the rotation waits for you.'),
    isLive(old)
      ? null
      : note('danger', 'The old secret has expired: the application gets no token until the new one is in use.'),
    buttons(
      tools,
      h(
        'button',
        { type: 'button', class: 'button quiet', onclick: () => tools.drop(fresh) },
        'Give up: delete the new secret',
      ),
    ),
  ];
}

function silence({ fresh, old }, tools) {
  const since = Date.parse(old.last_used_at) > Date.parse(fresh.last_used_at);
  return [
    note('ok', 'The new secret works: last used ', lastUse(fresh), '.'),
    note(
      'warning',
      h('p', {}, 'The old secret was used ', lastUse(old), '.'),
      since ? 'A system still has it. Give it the new secret too.' : 'A system may still have it.',
    ),
    live(`It counts as silent after 24 hours without use: ${duration(DAY - quietFor(old))} to go if nothing uses it.`),
    buttons(
      tools,
      h(
        'button',
        { type: 'button', class: 'button', onclick: () => drop({ fresh, old }, tools) },
        icon('bin'),
        'Delete the old secret now',
      ),
    ),
  ];
}

function ready(rotation, tools) {
  const { fresh, old } = rotation;
  return [
    note(
      'ok',
      h('p', {}, 'The new secret works: last used ', lastUse(fresh), '.'),
      h(
        'p',
        {},
        !isLive(old)
          ? 'The old one has expired and gets no token.'
          : old.last_used_at
            ? ['Nothing has used the old one since ', moment(old.last_used_at), '.']
            : 'The old one was never used.',
      ),
    ),
    buttons(
      tools,
      h(
        'button',
        { type: 'button', class: 'button primary', onclick: () => drop(rotation, tools) },
        icon('bin'),
        'Delete the old secret',
      ),
    ),
  ];
}

function finished({ fresh }, tools) {
  return [
    note(
      'ok',
      h('strong', {}, 'Nothing stopped.'),
      ' ',
      name(fresh.name),
      ' has taken over, and the old secret is gone.',
    ),
    h(
      'div',
      { class: 'actions' },
      h('button', { type: 'button', class: 'button', onclick: () => tools.finish(null) }, 'Close'),
    ),
  ];
}

function drop(rotation, tools) {
  return tools.drop(rotation.old, { done: () => tools.finish({ ...rotation, done: true }) });
}

function buttons(tools, ...list) {
  return manages(tools.application().client_id) && h('div', { class: 'actions' }, list);
}
