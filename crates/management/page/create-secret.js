// A new secret: its name and expiry, then its value, once. When the answer is lost, the page finds out what happened.

import { h, name, replace } from './dom.js';
import { clock, facts, isUnknown, post } from './api.js';
import { session } from './session.js';
import { DAY, day, isoDay, plusMonths } from './dates.js';
import { field, form, input, showProblem } from './forms.js';
import { openDialog } from './dialogs.js';
import { note } from './notices.js';
import { showValue } from './created-secret.js';
import { guarded } from './lists.js';

/** What lives shorter than this is for testing. */
const SHORT = 30 * DAY;
const LONGEST_NAME = 120;
/** A change that the server could not confirm may still be on its way to the database. */
const SETTLE = 2_000;

/** Opens the dialog. `replaced` is the secret that the new one will take over from. */
export function createSecret({ application, replaced, secrets, changed, drop }) {
  const known = new Set(secrets.map((one) => one.id));
  const label = field('Name', input({ maxlength: LONGEST_NAME, value: replaced ? suggestion(replaced.name) : '' }), {
    advice:
      'Say where it will be used, so that everybody knows what stops when it is deleted: “Search server, Amsterdam”.',
  });
  const expiry = expiryField();
  const body = form({ fields: [label, expiry.element], submit: 'Create secret', send, cancel: () => dialog.close() });
  const intro =
    replaced &&
    h(
      'p',
      {},
      'The new secret works at once, beside ',
      h('strong', {}, name(replaced.name)),
      '. Nothing stops: you delete the old one when nothing uses it any more.',
    );
  const dialog = openDialog({
    title: replaced ? 'Rotate: create the new secret' : 'Create new secret',
    body: [intro, body],
  });
  label.control.focus();
  label.control.select();

  async function send() {
    const wanted = label.control.value.trim();
    if (!wanted) label.fail('Give it a name.');
    const problem = expiry.problem();
    if (problem) expiry.fail(problem);
    if (!wanted || problem) return false;
    const began = clock.now();
    try {
      const created = await post(`/applications/${application.client_id}/secrets`, {
        name: wanted,
        expires_at: expiry.value(),
        ...(replaced ? { replaces: replaced.id } : {}),
      });
      showValue({ dialog, created, application, replaced });
      await changed().catch(() => {});
    } catch (error) {
      if (!isUnknown(error)) throw error;
      await findOut(wanted, began);
    }
    return true;
  }

  /** The answer was lost: did the server make the secret? */
  async function findOut(wanted, began) {
    const place = h('div', { role: 'alert' });
    body.hidden = true;
    body.after(place);
    dialog.retitle('The answer was lost');
    await new Promise((resolve) => setTimeout(resolve, SETTLE));
    await look();

    async function look() {
      replace(place, note('info', 'The connection broke while the secret was being made. Looking for it…'));
      try {
        const now = await changed();
        const found = now.find(
          (one) =>
            !known.has(one.id) &&
            one.name === wanted &&
            one.created_by === session.user.email &&
            Date.parse(one.created_at) >= began - 60_000,
        );
        replace(place, found ? orphan(found) : nothing());
      } catch (error) {
        showProblem(place, error);
        place.append(actions(['Look again', look, 'primary'], ['Close', dialog.close]));
      }
      place.querySelector('button')?.focus();
    }

    function orphan(found) {
      const problem = h('div', { role: 'alert' });
      return [
        note(
          'warning',
          h(
            'p',
            {},
            'The secret ',
            h('strong', {}, name(found.name)),
            ' was made ',
            day(found.created_at),
            ', but its value was lost on the way. Nobody has it, and it can’t be shown again.',
          ),
          h('p', {}, 'Delete it, then create it again.'),
        ),
        problem,
        actions(
          [
            'Delete it and start again',
            () =>
              guarded(problem, async () => {
                await drop(found, { quiet: true });
                back();
              }),
            'primary',
          ],
          ['Keep it', dialog.close],
        ),
      ];
    }

    function nothing() {
      return [
        note('ok', 'Nothing was made. Your entries are still here: try again.'),
        actions(['Back to the form', back, 'primary']),
      ];
    }

    function back() {
      place.remove();
      body.hidden = false;
      dialog.retitle('Create new secret');
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

/** The old name with this month; a month that an earlier rotation put there goes. */
function suggestion(old) {
  const month = new Intl.DateTimeFormat('en', { month: 'short', year: 'numeric', timeZone: 'UTC' }).format(clock.now());
  const stem = old.replace(/ \([A-Z][a-z]{2} \d{4}\)$/, '');
  return [...`${stem} (${month})`].length <= LONGEST_NAME ? `${stem} (${month})` : stem;
}

/** The last day that the server takes: the same day next year, or less where it is configured so. */
const latest = () =>
  facts.max_lifetime_days >= 365 ? plusMonths(clock.now(), 12) : clock.now() + facts.max_lifetime_days * DAY;

function choices() {
  const longest = latest();
  const list = [
    ['1 year', plusMonths(clock.now(), 12)],
    ['6 months', plusMonths(clock.now(), 6)],
    ['3 months', plusMonths(clock.now(), 3)],
    ['1 week', clock.now() + 7 * DAY],
  ];
  const possible = list.filter(([, at]) => at <= longest);
  if (facts.max_lifetime_days < 365) possible.unshift([`${facts.max_lifetime_days} days`, longest]);
  return possible;
}

function expiryField() {
  const date = input({ type: 'date', min: isoDay(clock.now()), max: isoDay(latest()), value: isoDay(latest()) });
  const advice = h('div', {});
  const dateField = field('Last day', date, { advice: 'The secret works until the end of this day in UTC.' });
  const radios = choices().map(([text, at], index) => {
    const radio = h('input', {
      type: 'radio',
      name: 'life',
      value: isoDay(at),
      checked: index === 0,
      onchange: () => {
        date.value = isoDay(at);
        dateField.fail('');
        advise();
      },
    });
    return h('label', { class: 'chip' }, radio, h('span', {}, text));
  });
  const advise = () => {
    const short = date.value && Date.parse(date.value) - clock.now() < SHORT;
    replace(
      advice,
      short &&
        note(
          'warning',
          'Such a short life is for testing only. A system in use needs the longest one: each expiry that is forgotten is an outage.',
        ),
    );
  };
  date.addEventListener('input', () => {
    for (const label of radios) label.firstElementChild.checked = label.firstElementChild.value === date.value;
    advise();
  });
  const element = h(
    'fieldset',
    { class: 'fieldset' },
    h('legend', {}, 'Expires after'),
    h('div', { class: 'chips' }, radios),
    dateField,
    advice,
    h(
      'p',
      { class: 'muted why' },
      facts.max_lifetime_days >= 365
        ? 'One year is the most: a secret that leaks unnoticed must not work for ever. You will be reminded by e-mail in time.'
        : `${facts.max_lifetime_days} days is the most that this server allows. You will be reminded by e-mail in time.`,
    ),
  );
  return {
    element,
    value: () => date.value,
    fail: dateField.fail,
    problem: () => {
      if (!date.value) return 'Choose the last day.';
      if (date.value < isoDay(clock.now())) return 'This day is over. Choose today or a later day.';
      return date.value > isoDay(latest()) ? `Choose ${isoDay(latest())} or an earlier day.` : '';
    },
  };
}
