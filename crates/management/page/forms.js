// Forms: a label above, help below, errors at their fields, and no second submit while one is in progress.

import { isAbort, SessionOver } from './api.js';
import { h, newId, replace } from './dom.js';
import { icon } from './icons.js';
import { t } from './texts.js';

/** Length in characters, as the server counts: an emoji is one. */
const length = (text) => [...text].length;

/**
 * A labelled control. The element has `.control`, `.text()` (trimmed), and `.fail(text)`. `longest` is in characters,
 * as the server counts them; `maxlength` would count an emoji as two.
 */
export function field(label, control, { advice = null, optional = false, longest = Infinity } = {}) {
  const id = control.id || newId('field');
  control.id = id;
  const error = h('div', { class: 'field-error', id: `${id}-error` });
  const adviceElement = advice && h('div', { class: 'advice', id: `${id}-advice` }, advice);
  const described = [advice ? `${id}-advice` : '', `${id}-error`].filter(Boolean).join(' ');
  control.setAttribute('aria-describedby', described);
  const element = h(
    'div',
    { class: 'field' },
    h('label', { for: id }, label, optional ? h('span', { class: 'muted' }, ` ${t.form.optional}`) : null),
    control,
    adviceElement,
    error,
  );
  element.control = control;
  element.text = () => control.value.trim();
  element.fail = (text) => {
    replace(error, text ? [icon('stop'), h('span', {}, text)] : []);
    control.setAttribute('aria-invalid', text ? 'true' : 'false');
  };
  /** Whether the text is too long; shows the error. */
  element.tooLong = () => {
    const has = length(element.text());
    if (has > longest) element.fail(t.form.tooLong(longest, has));
    return has > longest;
  };
  control.addEventListener('input', () => {
    element.fail('');
    element.tooLong();
  });
  return element;
}

/** A single-line text control. */
export const input = (attributes) =>
  h('input', { class: 'input', autocomplete: 'off', spellcheck: 'false', ...attributes });

/** A TOTP code. Pasted text may contain spaces, which `.digits()` removes. */
export function codeField(label) {
  const control = input({ name: 'totp', inputmode: 'numeric', autocomplete: 'one-time-code', class: 'input code' });
  return withDigits(field(label, control, { advice: t.form.codeAdvice }));
}

/** A recovery code. */
export function recoveryField() {
  return withDigits(
    field(t.form.recovery, input({ name: 'recovery', class: 'input code' }), { advice: t.form.recoveryAdvice }),
  );
}

function withDigits(element) {
  element.digits = () => element.control.value.replace(/\s/g, '');
  return element;
}

/** The second factor: a TOTP code or a recovery code. `.proof()` is null when neither is given. */
export function factorField(label) {
  const [code, recovery] = [codeField(label), recoveryField()];
  let shown = code;
  const place = h('div', {}, code);
  const swap = h(
    'button',
    {
      type: 'button',
      class: 'link',
      onclick: () => {
        shown = shown === code ? recovery : code;
        replace(place, shown);
        swap.textContent = shown === code ? t.form.useRecovery : t.form.useAuthenticator;
        shown.control.focus();
      },
    },
    t.form.useRecovery,
  );
  const element = h('div', { class: 'factor' }, place, swap);
  element.proof = () => {
    const digits = shown.digits();
    if (!digits) shown.fail(shown === code ? t.form.writeCode : t.form.writeRecovery);
    return digits ? { [shown === code ? 'totp' : 'recovery_code']: digits } : null;
  };
  element.clear = () => {
    shown.control.value = '';
  };
  return element;
}

/** A select from a list of [value, text]. */
export const select = (options, attributes = {}) =>
  h(
    'select',
    { class: 'input', ...attributes },
    options.map(([value, text]) => h('option', { value }, text)),
  );

/**
 * A form. `send` runs on submit; an error that it throws is shown on top. For errors of fields, call `fail` on them
 * and return `false`: focus then goes to the first.
 */
export function form({ fields, submit, send, kind = 'primary', cancel = null, extra = null }) {
  const problem = h('div', { role: 'alert' });
  const button = h('button', { type: 'submit', class: `button ${kind}` }, submit);
  const actions = h(
    'div',
    { class: 'actions' },
    button,
    cancel && h('button', { type: 'button', class: 'button', onclick: cancel }, t.cancel),
    extra,
  );
  const element = h('form', { class: 'form', novalidate: true }, problem, fields, actions);
  let busy = false;
  /** Whether a submit is in progress. */
  element.isBusy = () => busy;
  element.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (busy) return;
    busy = true;
    button.setAttribute('aria-busy', 'true');
    replace(problem);
    try {
      const long = fields.flat(Infinity).filter((one) => one?.tooLong?.());
      if (long.length || (await send()) === false) element.querySelector('[aria-invalid="true"]')?.focus();
    } catch (error) {
      if (!(error instanceof SessionOver) && !isAbort(error)) showProblem(problem, error);
    } finally {
      busy = false;
      button.removeAttribute('aria-busy');
    }
  });
  return element;
}

/** Shows an error as a sentence, with the request id when it is the server's fault. */
export function showProblem(place, error) {
  const id = error.status >= 500 && error.requestId;
  replace(
    place,
    h(
      'div',
      { class: 'note danger' },
      icon('stop'),
      h(
        'div',
        {},
        h('p', {}, wording(error)),
        id && h('p', { class: 'muted' }, t.form.requestId, ' ', h('code', {}, id)),
      ),
    ),
  );
}

/** The text of an error. The server's texts are English: those without a translation are marked as such. */
export function wording(error) {
  const translated = t.answers[error.message];
  if (translated || error.said || !error.status) return translated ?? error.message;
  return h('span', { lang: 'en' }, sentence(error.message));
}

/** Makes a sentence of an API error text, which begins in lower case and has no full stop. */
function sentence(text) {
  const trimmed = text.trim();
  const begun = trimmed.charAt(0).toUpperCase() + trimmed.slice(1);
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
}
