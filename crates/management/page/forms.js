// Forms: a label above, advice below, an error where it belongs, and no second sending while one is under way.

import { h, newId, replace } from './dom.js';
import { icon } from './icons.js';
import { SessionOver, isAbort } from './api.js';

/** A labelled control. The element has `.control` and `.fail(text)`. */
export function field(label, control, { advice = null, optional = false } = {}) {
  const id = control.id || newId('field');
  control.id = id;
  const error = h('div', { class: 'field-error', id: `${id}-error` });
  const adviceElement = advice && h('div', { class: 'advice', id: `${id}-advice` }, advice);
  control.setAttribute('aria-describedby', [advice ? `${id}-advice` : '', `${id}-error`].filter(Boolean).join(' '));
  const element = h(
    'div',
    { class: 'field' },
    h('label', { for: id }, label, optional ? h('span', { class: 'muted' }, ' (optional)') : null),
    control,
    adviceElement,
    error,
  );
  element.control = control;
  element.fail = (text) => {
    replace(error, text ? [icon('stop'), h('span', {}, text)] : []);
    control.setAttribute('aria-invalid', text ? 'true' : 'false');
  };
  control.addEventListener('input', () => element.fail(''));
  return element;
}

/** A single-line text control. */
export const input = (attributes) =>
  h('input', { class: 'input', autocomplete: 'off', spellcheck: 'false', ...attributes });

/** A choice from a list of [value, text]. */
export const select = (options, attributes = {}) =>
  h(
    'select',
    { class: 'input', ...attributes },
    options.map(([value, text]) => h('option', { value }, text)),
  );

/**
 * A form. `send` runs on submit; what it throws is shown on top. Returning fields that failed: call `fail` on them and
 * return `false`: focus then goes to the first.
 */
export function form({ fields, submit, send, kind = 'primary', cancel = null, extra = null }) {
  const problem = h('div', { role: 'alert' });
  const button = h('button', { type: 'submit', class: `button ${kind}` }, submit);
  const actions = h(
    'div',
    { class: 'actions' },
    button,
    cancel && h('button', { type: 'button', class: 'button', onclick: cancel }, 'Cancel'),
    extra,
  );
  const element = h('form', { class: 'form', novalidate: true }, problem, fields, actions);
  let busy = false;
  element.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (busy) return;
    busy = true;
    button.setAttribute('aria-busy', 'true');
    replace(problem);
    try {
      if ((await send()) === false) element.querySelector('[aria-invalid="true"]')?.focus();
    } catch (error) {
      if (!(error instanceof SessionOver) && !isAbort(error)) showProblem(problem, error);
    } finally {
      busy = false;
      button.removeAttribute('aria-busy');
    }
  });
  return element;
}

/** Shows an error as a sentence, with the request id when the failure is the server's. */
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
        h('p', {}, sentence(error.message)),
        id && h('p', { class: 'muted' }, 'Request id for support: ', h('code', {}, id)),
      ),
    ),
  );
}

/** The API's texts begin in lower case and have no full stop. */
export function sentence(text) {
  const trimmed = text.trim();
  const begun = trimmed.charAt(0).toUpperCase() + trimmed.slice(1);
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
}
