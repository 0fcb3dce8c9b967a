// Notifications: short messages shown in a corner and announced to screen readers.

import { add, h } from './dom.js';
import { icon } from './icons.js';
import { t } from './texts.js';

const SHOWN_FOR = 7_000;

/** Announces something to screen readers only. */
export function announce(text) {
  const status = document.getElementById('status');
  status.textContent = '';
  // A live region emptied and filled in one turn may not be announced.
  setTimeout(() => {
    status.textContent = text;
  }, 60);
}

/** Shows that something was done. */
export function toast(text) {
  announce(text);
  const message = h('div', { class: 'toast' }, icon('check'), h('span', {}, text));
  add(document.getElementById('toasts'), message);
  setTimeout(() => message.remove(), SHOWN_FOR);
}

/** Copies to the clipboard, and confirms at the button itself. */
export async function copy(text, button) {
  const label = button.querySelector('.label');
  const before = label.textContent;
  const done = await navigator.clipboard.writeText(text).then(
    () => true,
    () => false,
  );
  label.textContent = done ? t.copy.done : t.copy.blocked;
  announce(done ? t.copy.doneSaid : t.copy.blockedSaid);
  button.classList.toggle('done', done);
  setTimeout(() => {
    label.textContent = before;
    button.classList.remove('done');
  }, 2_500);
  return done;
}

/** A button that copies a text; `name` labels it for screen readers. */
export function copyButton(text, name, { label = t.copy.copy, kind = 'quiet', after = () => {} } = {}) {
  const button = h(
    'button',
    {
      type: 'button',
      class: `button ${kind} copy`,
      onclick: async () => {
        if (await copy(text, button)) after();
      },
    },
    icon('copy'),
    h('span', { class: 'label' }, label),
    h('span', { class: 'unseen' }, ` ${name}`),
  );
  return button;
}

/** A paragraph with an icon: `info`, `warning`, `danger` or `ok`. */
export function note(kind, ...content) {
  const which = { info: 'info', warning: 'warning', danger: 'stop', ok: 'check' }[kind];
  return h('div', { class: `note ${kind}` }, icon(which), h('div', {}, content));
}
