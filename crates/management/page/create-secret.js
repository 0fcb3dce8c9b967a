// Creating a secret: name and expiry, then its value, once. If the answer is lost, the page finds out what happened.

import { clock, facts, isUnknown, post } from './api.js';
import { showValue } from './created-secret.js';
import { DAY, expiryText, isoDay, moment, month, plusMonths, utcDay } from './dates.js';
import { openDialog } from './dialogs.js';
import { h, name, replace } from './dom.js';
import { field, form, input, showProblem } from './forms.js';
import { guarded } from './lists.js';
import { announce, note } from './notices.js';
import { session } from './session.js';
import { t } from './texts.js';

const words = t.createSecret;
/** A shorter lifetime suggests a test. */
const SHORT = 30 * DAY;
const LONGEST_NAME = 120;
/** How long an unconfirmed change may still be in progress. */
const SETTLE = 2_000;

/**
 * Opens the dialog. `replaced` is the secret to be rotated; `made` is called with the new secret once the dialog is
 * closed.
 */
export function createSecret({ application, replaced, secrets, changed, drop, made = () => {} }) {
  const known = new Set(secrets.map((one) => one.id));
  const label = field(t.name, input({ value: replaced ? suggestion(replaced.name) : '' }), {
    advice: words.nameAdvice,
    longest: LONGEST_NAME,
  });
  const expires = expiryField(longestLife(application));
  const body = form({
    fields: [label, expires.element],
    submit: words.submit,
    send,
    cancel: () => dialog.leave(),
  });
  let sending = false;
  let result = null;
  let refreshed = Promise.resolve();
  const dialog = openDialog({
    title: replaced ? words.titleRotating : words.title,
    body: [replaced && h('p', {}, words.beside(h('strong', {}, name(replaced.name)))), body],
    // Only a view that was read anew has a place for it.
    closed: () => result && refreshed.then(() => made(result)),
  });
  // The answer holds the value: whoever leaves before it arrives never sees it.
  dialog.protect(
    () => sending && !session.renewing,
    () => announce(words.wait),
  );
  label.control.focus();
  label.control.select();

  async function send() {
    const wanted = label.text();
    if (!wanted) label.fail(words.nameMissing);
    const problem = expires.problem();
    if (problem) expires.fail(problem);
    if (!wanted || problem) return false;
    const began = clock.now();
    const replaces = replaced ? { replaces: replaced.id } : {};
    sending = true;
    try {
      const order = { name: wanted, expires_at: expires.value(), ...replaces };
      result = await post(`/applications/${application.client_id}/secrets`, order);
      sending = false;
      showValue({ dialog, created: result, application, replaced });
      refreshed = changed().catch(() => {});
      await refreshed;
    } catch (error) {
      sending = false;
      if (!isUnknown(error)) throw error;
      await findOut(wanted, began);
    }
    return true;
  }

  /** The answer was lost: finds out whether the server created the secret. */
  async function findOut(wanted, began) {
    const place = h('div', { role: 'alert' }, note('info', words.looking));
    body.hidden = true;
    body.after(place);
    dialog.retitle(words.lostTitle);
    await new Promise((resolve) => setTimeout(resolve, SETTLE));
    await look();

    async function look() {
      replace(place, note('info', words.looking));
      try {
        const found = (await changed()).find(isOurs);
        replace(place, found ? orphan(found) : nothing());
      } catch (error) {
        showProblem(place, error);
        place.append(actions([words.lookAgain, look, 'primary'], [t.close, dialog.close]));
      }
      place.querySelector('button')?.focus();
    }

    function isOurs(one) {
      const fits = one.name === wanted && one.created_by === session.user.email;
      return fits && !known.has(one.id) && Date.parse(one.created_at) >= began - 60_000;
    }

    function orphan(found) {
      const problem = h('div', { role: 'alert' });
      const startAgain = () =>
        guarded(problem, async () => {
          await drop(found, { quiet: true });
          back();
        });
      return [
        note(
          'warning',
          h('p', {}, words.orphan(h('strong', {}, name(found.name)), moment(found.created_at))),
          h('p', {}, words.orphanAdvice),
        ),
        problem,
        actions([words.startAgain, startAgain, 'primary'], [words.keep, dialog.close]),
      ];
    }

    function nothing() {
      return [note('ok', words.nothing), actions([words.backToForm, back, 'primary'])];
    }

    function back() {
      place.remove();
      body.hidden = false;
      dialog.retitle(words.title);
      label.control.focus();
    }
  }
}

const actions = (...buttons) =>
  h(
    'div',
    { class: 'actions' },
    buttons.map(([text, onclick, kind = '']) =>
      h('button', { type: 'button', class: `button ${kind}`, onclick: () => onclick() }, text),
    ),
  );

/** The old name with the current month, which replaces that of an earlier rotation. */
function suggestion(old) {
  const stem = old.replace(/ \(\p{L}{3,5}\.? \d{4}\)$/u, '');
  const wanted = `${stem} (${month(clock.now())})`;
  return [...wanted].length <= LONGEST_NAME ? wanted : stem;
}

/** In days: what the server is configured for, or less where the policy of the organisation demands it. */
const longestLife = (application) =>
  Math.min(facts.max_lifetime_days, application.policy.max_lifetime_days ?? facts.max_lifetime_days);

/** The last day that the server takes: the same day next year, or so many days from now. */
const latest = (days, now = clock.now()) => (days >= 365 ? plusMonths(now, 12) : now + days * DAY);

/** All by one reading of the clock: a millisecond later a year would be longer than the longest. */
function choices(days, now) {
  const longest = latest(days, now);
  const list = [
    [t.dates.year(1), plusMonths(now, 12)],
    [t.dates.month(6), plusMonths(now, 6)],
    [t.dates.month(3), plusMonths(now, 3)],
    [words.week, now + 7 * DAY],
  ];
  const possible = list.filter(([, at]) => at <= longest);
  if (days < 365) possible.unshift([t.dates.day(days), longest]);
  return possible;
}

function expiryField(days) {
  const now = clock.now();
  const longest = isoDay(latest(days, now));
  const date = input({ type: 'date', min: isoDay(now), max: longest, value: longest });
  const [advice, inWords] = [h('div', {}), h('span', { class: 'block' })];
  const dateField = field(words.lastDay, date, { advice: [words.lastDayAdvice, inWords] });
  const radios = choices(days, now).map(([text, at], index) => {
    const choose = () => {
      date.value = isoDay(at);
      dateField.fail('');
      advise();
    };
    const radio = h('input', {
      type: 'radio',
      name: 'life',
      value: isoDay(at),
      checked: index === 0,
      onchange: choose,
    });
    return h('label', { class: 'chip' }, radio, h('span', {}, text));
  });
  const advise = () => {
    const short = date.value && Date.parse(date.value) - clock.now() < SHORT;
    replace(advice, short && note('warning', words.short));
    replace(inWords, date.value && words.worksUntil(expiryText(`${date.value}T23:59:59Z`)));
  };
  date.addEventListener('input', () => {
    for (const label of radios) label.firstElementChild.checked = label.firstElementChild.value === date.value;
    advise();
  });
  advise();
  const element = h(
    'fieldset',
    { class: 'fieldset' },
    h('legend', {}, words.expiresAfter),
    h('div', { class: 'chips' }, radios),
    dateField,
    advice,
    h('p', { class: 'muted why' }, words.longest(days)),
  );
  return {
    element,
    value: () => date.value,
    fail: dateField.fail,
    problem: () => {
      if (!date.value) return words.dayMissing;
      const today = isoDay(clock.now());
      if (date.value < today) return words.dayOver(utcDay(today));
      const last = isoDay(latest(days));
      return date.value > last ? words.dayTooFar(utcDay(last)) : '';
    },
  };
}
