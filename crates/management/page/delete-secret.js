// Deleting a secret: says what will happen, and asks the harder, the more would stop.

import { h, name, newId } from './dom.js';
import { SessionOver, get, isUnknown, remove } from './api.js';
import { openDialog } from './dialogs.js';
import { field, form, input } from './forms.js';
import { announce, note, toast } from './notices.js';
import { hint, isLive, lastUse, usedLately } from './secrets.js';

/** What somebody can type: direction marks and other invisible characters of a name are not asked for. */
const typable = (text) =>
  text
    .normalize('NFKC')
    .replace(/\p{Cf}/gu, '')
    .replace(/\s+/g, ' ')
    .trim();

/** Secrets that a question is being prepared about: a second click asks no second one. */
const asking = new Set();

/** Opens the dialog. `quiet` deletes at once: for a secret that nobody has. `done` is called after a deletion. */
export async function deleteSecret({ clientId, secret, secrets, changed, quiet = false, done = () => {} }) {
  const path = `/applications/${clientId}/secrets/${secret.id}`;
  if (quiet) return perform(path, secret, changed);
  if (asking.has(secret.id)) return undefined;
  asking.add(secret.id);
  // What is shown in the list may be minutes old; the question is asked about now.
  const current = await get(path).catch((error) => {
    if (error instanceof SessionOver) return undefined;
    return error.status === 404 ? null : secret;
  });
  asking.delete(secret.id);
  if (current === undefined) return undefined;
  if (!current) {
    toast(`Somebody else has deleted “${secret.name}” meanwhile.`);
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
    field(
      typable(secret.name) ? 'Type the name of the secret to go on' : 'Type its first three characters to go on',
      input({}),
      {
        advice: [h('span', {}, 'The name is '), h('strong', {}, name(expected)), h('span', {}, '.')],
      },
    );
  const body = form({
    fields: [typed || null],
    submit: 'Delete secret',
    kind: 'danger',
    cancel: () => dialog.close(),
    send: async () => {
      if (guarded && typable(typed.control.value) !== expected) {
        typed.fail('This is not the name.');
        return false;
      }
      await perform(path, secret, changed);
      dialog.close();
      done();
      focusList();
      return true;
    },
  });
  const dialog = openDialog({
    title: 'Delete this secret?',
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
  const others = secrets.filter((one) => one.id !== secret.id && isLive(one));
  if (!isLive(secret))
    return h('p', {}, 'It has expired and gets no token any more. Deleting it only clears the list.');
  return [
    guarded &&
      note(
        'danger',
        h('p', {}, h('strong', {}, 'It is in use.')),
        h('p', {}, 'Last used ', lastUse(secret), '. Whatever uses it will stop.'),
      ),
    others.length === 0 &&
      note(
        'danger',
        h('strong', {}, 'It is the last secret that works.'),
        ' The application will be able to call no API at all.',
      ),
    h(
      'p',
      {},
      guarded || secret.last_used_at
        ? 'Every system that uses it is cut off at once, and tokens that it has already got end within seconds.'
        : 'It has never been used. If a system has it all the same, that system is cut off at once.',
      ' This can’t be undone.',
    ),
  ];
}

/** Deletes; an answer that was lost is looked for. */
async function perform(path, secret, changed) {
  let others = false;
  try {
    await remove(path);
  } catch (error) {
    if (error.status === 404) others = true;
    else if (!isUnknown(error) || (await changed()).some((one) => one.id === secret.id)) throw error;
  }
  toast(others ? `Somebody else has deleted “${secret.name}” meanwhile.` : `“${secret.name}” was deleted.`);
  await changed().catch(() => announce('The list could not be read again.'));
}

/** The button that opened the dialog is gone with its secret. */
function focusList() {
  document.getElementById('secrets-title')?.focus();
}
