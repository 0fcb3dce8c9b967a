// The rotation assistant. It keeps no state: the new secret names the one that it replaces, and the step follows from
// the last use of both. So it can be closed and resumed, and is the same for every manager.

import { clock } from './api.js';
import { DAY, duration, moment } from './dates.js';
import { h, name } from './dom.js';
import { icon } from './icons.js';
import { announce, note } from './notices.js';
import { hint, isLive, lastUse } from './secrets.js';
import { manages } from './session.js';
import { t } from './texts.js';

const words = t.rotation;
const [USE, SILENCE, DELETE, OVER] = [1, 2, 3, 4];
const said = new Map();

/**
 * The rotations of an application: pairs of a secret and the one that it replaces, as long as both exist. If a system
 * has rotated its secret itself, nobody has anything to do.
 */
export function rotations(secrets) {
  const byId = new Map(secrets.map((one) => [one.id, one]));
  return secrets
    .filter((one) => byId.has(one.replaces) && !byId.get(one.replaces).rotated_itself_at)
    .map((one) => ({ fresh: one, old: byId.get(one.replaces), done: false }));
}

/** The polling interval: seconds at first, a minute later. Without a rotation there is no polling. */
export function pollEvery(pending, waited) {
  if (pending.length === 0) return 1_000;
  if (pending.some((one) => step(one) === USE)) return waited < 5 * 60_000 ? 3_000 : 15_000;
  return waited < 5 * 60_000 ? 10_000 : 60_000;
}

const quietFor = (old) => (old.last_used_at ? clock.now() - Date.parse(old.last_used_at) : Infinity);
const isSilent = (old) => !isLive(old) || quietFor(old) >= DAY;

/** The next step. A day of silence is enough: a token lives for an hour. */
function step({ fresh, old, done }) {
  if (done) return OVER;
  if (!fresh.last_used_at) return USE;
  return isSilent(old) ? DELETE : SILENCE;
}

/** The panel of one rotation. */
export function rotationPanel(rotation, tools) {
  const { fresh, old } = rotation;
  const at = step(rotation);
  speak(fresh.id, at);
  const titleId = `rotation-${fresh.id}`;
  return h(
    'section',
    { class: 'panel rotation', 'aria-labelledby': titleId, 'data-step': at, 'data-rotation': fresh.id },
    h('h2', { id: titleId, tabindex: '-1' }, icon('rotate'), at === OVER ? words.finished : words.underWay),
    h(
      'p',
      { class: 'pair' },
      h('span', {}, h('span', { class: 'muted' }, words.old, ' '), name(old.name), ' ', hint(old)),
      icon('next'),
      h('span', {}, h('span', { class: 'muted' }, words.fresh, ' '), name(fresh.name), ' ', hint(fresh)),
    ),
    h(
      'ol',
      { class: 'steps' },
      words.steps.map((text, index) => stepItem(text, index, stepState(rotation, index, at))),
    ),
    [null, waiting, silence, ready, finished][at](rotation, tools),
  );
}

/** The wait for silence may have been skipped: then it has no tick, whatever the result of the rotation. */
function stepState({ old }, index, at) {
  if (index === SILENCE && at === OVER && !isSilent(old)) return 'skipped';
  if (index < at) return 'past';
  return index === at ? 'now' : 'ahead';
}

function stepItem(text, index, state) {
  const mark = { past: icon('check'), skipped: '–' }[state] ?? String(index + 1);
  return h(
    'li',
    { class: state, 'aria-current': state === 'now' ? 'step' : null },
    h('span', { class: 'step-mark', 'aria-hidden': 'true' }, mark),
    h('span', {}, text),
    h('span', { class: 'unseen' }, { past: words.stepDone, skipped: words.stepSkipped }[state] ?? ''),
  );
}

function speak(id, at) {
  const before = said.get(id);
  said.set(id, at);
  if (before !== undefined && before < at) announce(words.said[at]);
}

const live = (text) => h('p', { class: 'live' }, h('span', { class: 'pulse', 'aria-hidden': 'true' }), text);

function button(text, kind, onclick, picture = null) {
  return h('button', { type: 'button', class: `button ${kind}`, onclick }, picture && icon(picture), text);
}

function waiting({ fresh, old }, tools) {
  return [
    h('p', {}, words.putIn),
    live(words.waiting),
    isLive(old) ? null : note('danger', words.oldExpiredUnused),
    buttons(
      tools,
      button(words.giveUp, 'quiet', () => tools.drop(fresh)),
    ),
  ];
}

const works = (fresh) => words.works(lastUse(fresh));

function silence({ fresh, old }, tools) {
  const since = Date.parse(old.last_used_at) > Date.parse(fresh.last_used_at);
  return [
    note('ok', works(fresh)),
    note('warning', h('p', {}, words.oldUsed(lastUse(old))), since ? words.stillHas : words.mayHave),
    live(words.silentAfter(duration(DAY - quietFor(old)))),
    buttons(
      tools,
      button(words.deleteNow, '', () => drop({ fresh, old }, tools), 'bin'),
    ),
  ];
}

/** What is known of the old secret's use, without guesses. */
function silenceKnown(old) {
  if (!isLive(old)) return words.oldExpired;
  return old.last_used_at ? words.oldSilentSince(moment(old.last_used_at)) : words.oldNeverUsed;
}

function ready(rotation, tools) {
  const { fresh, old } = rotation;
  return [
    note('ok', h('p', {}, works(fresh)), h('p', {}, silenceKnown(old))),
    buttons(
      tools,
      button(words.deleteOld, 'primary', () => drop(rotation, tools), 'bin'),
    ),
  ];
}

function finished({ fresh, old }, tools) {
  const lead = [h('strong', {}, words.takenOver(name(fresh.name))), ' '];
  return [
    isSilent(old)
      ? note('ok', lead, silenceKnown(old))
      : note('warning', h('p', {}, lead, words.cutOff(lastUse(old))), h('p', {}, words.cutOffAdvice)),
    h(
      'div',
      { class: 'actions' },
      button(t.close, '', () => tools.finish(null)),
    ),
  ];
}

function drop(rotation, tools) {
  return tools.drop(rotation.old, { done: (old) => tools.finish({ ...rotation, old, done: true }) });
}

function buttons(tools, ...list) {
  return manages(tools.application().client_id) && h('div', { class: 'actions' }, list);
}
