// Dialogs: modal, named by their title, closed by Escape; one may ask before it lets go.

import { add, h, newId } from './dom.js';
import { icon } from './icons.js';

const open = [];

/** Whether somebody is in the middle of something. */
export const inDialog = () => open.length > 0;

/** What the uppermost dialog asks before it is left; null when it asks nothing. */
export const currentGuard = () => open.at(-1)?.guard ?? null;

/** Closes them all, whatever they hold. */
export function closeAll() {
  while (open.length) open.at(-1).close();
}

/**
 * Opens a dialog. `guard()` answers whether it may close now; it is not asked by `close()`.
 * `fixed`: no close button and no Escape. Resolves nothing: the caller keeps `close`.
 */
export function openDialog({ title, body, kind = '', guard = null, fixed = false, closed = () => {} }) {
  const titleId = newId('title');
  const heading = h('h2', { id: titleId, tabindex: '-1' }, title);
  const element = h('dialog', { class: `dialog ${kind}`, 'aria-labelledby': titleId });
  const opener = document.activeElement;
  const dialog = { element, heading, guard, close, ask, retitle };
  const closeButton = h(
    'button',
    { type: 'button', class: 'button icon-only', 'aria-label': 'Close', onclick: ask },
    icon('close'),
  );
  add(
    element,
    h('div', { class: 'dialog-head' }, heading, fixed ? null : closeButton),
    h('div', { class: 'dialog-body' }, body),
  );
  element.addEventListener('cancel', (event) => event.preventDefault());
  // A browser closes a dialog at the second Escape whatever `cancel` says, so the key itself is taken.
  element.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape') return;
    event.preventDefault();
    if (!fixed) ask();
  });
  document.body.append(element);
  open.push(dialog);
  element.showModal();
  return dialog;

  function ask() {
    if (!dialog.guard || dialog.guard()) close();
  }

  function close() {
    if (!open.includes(dialog)) return;
    open.splice(open.indexOf(dialog), 1);
    element.close();
    element.remove();
    if (opener?.isConnected) opener.focus();
    closed();
  }

  function retitle(text) {
    heading.textContent = text;
    heading.focus();
  }
}

/** Asks a question; resolves to whether it was answered with yes. */
export function confirm({ title, body, yes, danger = false, no = 'Cancel' }) {
  return new Promise((resolve) => {
    let answer = false;
    const agree = h(
      'button',
      {
        type: 'button',
        class: `button ${danger ? 'danger' : 'primary'}`,
        onclick: () => {
          answer = true;
          dialog.close();
        },
      },
      yes,
    );
    const decline = h(
      'button',
      { type: 'button', class: 'button', autofocus: danger, onclick: () => dialog.close() },
      no,
    );
    const dialog = openDialog({
      title,
      kind: 'small',
      closed: () => resolve(answer),
      body: [body, h('div', { class: 'actions' }, agree, decline)],
    });
  });
}

window.addEventListener('beforeunload', (event) => {
  if (currentGuard()?.unsaved?.()) event.preventDefault();
});
