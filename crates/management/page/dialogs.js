// Dialogs: modal, labelled by their title, closed by Escape; one may ask before it closes.

import { add, h, newId } from './dom.js';
import { guard } from './guards.js';
import { icon } from './icons.js';
import { t } from './texts.js';

const open = [];

/** Whether any dialog is open. */
export const inDialog = () => open.length > 0;

/** Closes all dialogs, whatever they hold. */
export function closeAll() {
  while (open.length) open.at(-1).close();
}

/**
 * Opens a dialog. `fixed`: no close button and no Escape. Returns nothing to await: the caller keeps `close`, and
 * `leave`, which asks first when the dialog is protected.
 */
export function openDialog({ title, body, kind = '', fixed = false, closed = () => {} }) {
  const titleId = newId('title');
  const heading = h('h2', { id: titleId, tabindex: '-1' }, title);
  const element = h('dialog', { class: `dialog ${kind}`, 'aria-labelledby': titleId });
  const opener = document.activeElement;
  const dialog = { element, heading, close, leave, protect, retitle };
  let protection = null;
  const closeButton = h(
    'button',
    { type: 'button', class: 'button icon-only', 'aria-label': t.close, onclick: leave },
    icon('close'),
  );
  add(
    element,
    h('div', { class: 'dialog-head' }, heading, fixed ? null : closeButton),
    h('div', { class: 'dialog-body' }, body),
  );
  element.addEventListener('cancel', (event) => event.preventDefault());
  // Browsers close a dialog at the second Escape despite `cancel`, so the key itself is handled.
  element.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape') return;
    event.preventDefault();
    if (!fixed) leave();
  });
  document.body.append(element);
  open.push(dialog);
  element.showModal();
  return dialog;

  /** Protects the dialog from now on: `unsaved()` says whether something would be lost, `ask()` asks about it. */
  function protect(unsaved, ask) {
    protection?.release();
    // Whatever is in front of the dialog comes first: a question already asked, or the sign-in.
    const askInFront = () => {
      if (open.at(-1) === dialog) ask();
    };
    protection = { unsaved, askInFront, release: guard(unsaved, askInFront) };
  }

  function leave() {
    if (protection?.unsaved()) protection.askInFront();
    else close();
  }

  function close() {
    if (!open.includes(dialog)) return;
    open.splice(open.indexOf(dialog), 1);
    protection?.release();
    element.close();
    element.remove();
    if (!inDialog() || opener?.closest('dialog')) giveBackFocus(opener);
    closed();
  }

  function retitle(text) {
    heading.textContent = text;
    heading.focus();
  }
}

/** Restores focus: to where it was, to its replacement, or to the view; never to the body. */
function giveBackFocus(opener) {
  const key = opener?.dataset?.key;
  const again = opener?.isConnected && opener !== document.body ? opener : null;
  const target = again ?? (key && document.querySelector(`[data-key="${CSS.escape(key)}"]`));
  (target ?? document.querySelector('main h1') ?? document.getElementById('main')).focus({ preventScroll: !target });
}

/** Asks a question; resolves to whether the answer was yes. */
export function confirm({ title, body, yes, danger = false, no = t.cancel }) {
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
