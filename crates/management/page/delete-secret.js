// Deleting a secret: explains the consequences, and asks for more confirmation, the more it would break.

import { get, isUnknown, remove, SessionOver } from './api.js';
import { openDialog } from './dialogs.js';
import { h, name, newId } from './dom.js';
import { field, form, input } from './forms.js';
import { announce, note, toast } from './notices.js';
import { hint, isLive, isSuspended, lastUse, usedLately } from './secrets.js';
import { t } from './texts.js';

const words = t.deleteSecret;

/** The typeable part of a name: direction marks and other invisible characters are not asked for. */
const typable = (text) =>
  text
    .normalize('NFKC')
    .replace(/\p{Cf}/gu, '')
    .replace(/\s+/g, ' ')
    .trim();

/** Secrets whose question is being prepared: a second click asks no second one. */
const asking = new Set();

/**
 * Opens the dialog. `quiet` deletes at once: for a secret whose value nobody has. `done` is called after a deletion,
 * with the secret as last seen.
 */
export async function deleteSecret({ clientId, secret, secrets, changed, quiet = false, done = () => {} }) {
  const path = `/applications/${clientId}/secrets/${secret.id}`;
  if (quiet) return perform(path, secret, changed);
  if (asking.has(secret.id)) return undefined;
  asking.add(secret.id);
  // The list may be minutes old; the question needs the current state.
  const current = await get(path).catch((error) => {
    if (error instanceof SessionOver) return undefined;
    return error.status === 404 ? null : secret;
  });
  asking.delete(secret.id);
  if (current === undefined) return undefined;
  if (!current) {
    toast(words.gone(secret.name));
    await changed().catch(() => {});
    focusList();
    return undefined;
  }
  return ask(path, current, secrets, changed, done);
}

function ask(path, secret, secrets, changed, done) {
  const guarded = isLive(secret) && usedLately(secret);
  const expected = typable(secret.name) || secret.hint;
  const typed =
    guarded &&
    field(typable(secret.name) ? words.typeName : words.typeHint, input({}), {
      advice: words.nameIs(h('strong', {}, name(expected))),
    });
  const body = form({
    fields: [typed || null],
    submit: words.submit,
    kind: 'danger',
    cancel: () => dialog.close(),
    send: async () => {
      if (guarded && typable(typed.control.value) !== expected) {
        typed.fail(words.otherName);
        return false;
      }
      await perform(path, secret, changed);
      dialog.close();
      done(secret);
      focusList();
      return true;
    },
  });
  const dialog = openDialog({
    title: words.title,
    kind: 'small',
    body: [
      h('p', { class: 'target', id: newId('target') }, h('strong', {}, name(secret.name)), ' ', hint(secret)),
      consequence(secret, secrets, guarded),
      body,
    ],
  });
  if (guarded) typed.control.focus();
  else body.querySelector('.actions .button:last-of-type').focus();
}

function consequence(secret, secrets, guarded) {
  const others = secrets.filter((one) => one.id !== secret.id && isLive(one) && !isSuspended(one));
  if (!isLive(secret)) return h('p', {}, words.expired);
  return [
    guarded && note('danger', h('p', {}, h('strong', {}, words.inUse)), h('p', {}, words.lastUsed(lastUse(secret)))),
    others.length === 0 && note('danger', h('strong', {}, words.lastOne), ' ', words.lastOneMeans),
    h('p', {}, secret.last_used_at ? words.cutsOff : words.neverUsed, ' ', words.final),
  ];
}

/** Deletes; if the answer is lost, finds out whether it was done. */
async function perform(path, secret, changed) {
  let others = false;
  try {
    await remove(path);
  } catch (error) {
    if (error.status === 404) others = true;
    else if (!isUnknown(error) || (await changed()).some((one) => one.id === secret.id)) throw error;
  }
  toast(others ? words.gone(secret.name) : words.done(secret.name));
  await changed().catch(() => announce(words.listUnread));
}

/** The button that opened the dialog is gone with its secret. */
function focusList() {
  document.getElementById('secrets-title')?.focus();
}
