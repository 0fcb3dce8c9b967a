// Keys of an application: public keys with which a system authenticates, instead of a shared secret.

import { all, facts, isUnknown, post, remove } from './api.js';
import { day, expiry } from './dates.js';
import { confirm, openDialog } from './dialogs.js';
import { h, name, replace } from './dom.js';
import { field, form, input, select } from './forms.js';
import { icon } from './icons.js';
import { guarded } from './lists.js';
import { copyButton, note, toast } from './notices.js';
import { expiryTerm, fact, lastUse, notes, statusBadge } from './secrets.js';
import { isAdmin, manages } from './session.js';
import { suspendButton } from './suspend.js';
import { t } from './texts.js';

const words = t.keys;
const LONGEST_NAME = 120;

/** A section that fetches its keys itself. */
export function keysSection(application, signal) {
  const path = `/applications/${application.client_id}/keys`;
  const mine = manages(application.client_id);
  const list = h('div', { class: 'cards' });
  const problem = h('div', { role: 'alert' });
  const refresh = async () => show(await all(path, { signal }));
  const show = (keys) => replace(list, keys.length ? keys.map(card) : h('p', { class: 'panel empty' }, words.none));
  const card = (key) =>
    h(
      'article',
      { class: `panel secret ${key.status}`, 'data-key-id': key.id },
      h(
        'div',
        { class: 'secret-head' },
        h(
          'div',
          { class: 'secret-title' },
          h('h3', {}, name(key.name)),
          h('div', { class: 'secret-marks' }, key.alg && h('code', {}, key.alg), statusBadge(key)),
        ),
        h(
          'div',
          { class: 'secret-actions' },
          mine && suspendButton(key, `${path}/${key.id}`, refresh),
          deleteButton(key),
        ),
      ),
      notes(key),
      h(
        'dl',
        { class: 'facts' },
        fact(t.secret.lastUsed, lastUse(key)),
        fact(expiryTerm(key), expiry(key.expires_at)),
        fact(t.secret.created, t.secret.createdBy(day(key.created_at), name(key.created_by))),
        key.kid && fact(words.kid, [h('code', { class: 'small long' }, key.kid), copyButton(key.kid, words.theKid)]),
        key.jwks_uri && fact(words.address, h('code', { class: 'small long' }, key.jwks_uri)),
        key.thumbprint_s256 && fact(words.thumbprint, h('code', { class: 'small long' }, key.thumbprint_s256)),
      ),
    );
  const deleteButton = (key) =>
    (mine || isAdmin()) &&
    h(
      'button',
      {
        type: 'button',
        class: 'button quiet danger',
        'data-key': `delete-key-${key.id}`,
        onclick: () => guarded(problem, () => drop(key)),
      },
      icon('bin'),
      t.application.remove,
      h('span', { class: 'unseen' }, ' ', name(key.name)),
    );
  const drop = async (key) => {
    const body = h('p', {}, words.deleteMeans(h('strong', {}, name(key.name))));
    if (!(await confirm({ title: words.deleteTitle, yes: words.delete, danger: true, body }))) return;
    await remove(`${path}/${key.id}`);
    toast(words.deleted(key.name));
    await refresh();
  };
  guarded(problem, refresh);
  return h(
    'section',
    { 'aria-labelledby': 'keys-title' },
    h(
      'div',
      { class: 'section-head' },
      h('h2', { id: 'keys-title', tabindex: '-1' }, words.title),
      mine &&
        h(
          'button',
          { type: 'button', class: 'button', 'data-key': 'add-key', onclick: () => addKey(application, path, refresh) },
          icon('plus'),
          words.add,
        ),
    ),
    h('p', { class: 'muted' }, words.lead),
    problem,
    list,
  );
}

/** The pasted key in the API's format; `null` if it is unusable. */
export function keyMaterial(text) {
  const pasted = text.trim();
  if (/^https:\/\/\S+$/.test(pasted)) return { jwks_uri: pasted };
  if (/-----BEGIN [A-Z0-9 ]+-----/.test(pasted)) return { certificate: pasted };
  try {
    const jwk = JSON.parse(pasted);
    return jwk && typeof jwk.kty === 'string' ? { jwk } : null;
  } catch {
    return null;
  }
}

/** Whether it contains a private key. */
export function isPrivate(text) {
  return /-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----/.test(text) || /"(d|p|q|dp|dq|qi|k)"\s*:/.test(text);
}

function addKey(application, path, refresh) {
  const label = field(t.name, input({}), { advice: words.nameAdvice, longest: LONGEST_NAME });
  const control = h('textarea', { class: 'input code-text', rows: '7', spellcheck: 'false', autocomplete: 'off' });
  const material = field(words.material, control, { advice: words.materialAdvice });
  const warning = h('div', { role: 'alert' });
  const look = () => replace(warning, isPrivate(control.value) && note('danger', words.burnt));
  control.addEventListener('input', look);
  control.addEventListener('dragover', (event) => event.preventDefault());
  control.addEventListener('drop', async (event) => {
    event.preventDefault();
    const [file] = event.dataTransfer.files;
    if (file && file.size < 64_000) control.value = await file.text();
    look();
  });
  const expires = field(words.expires, input({ type: 'date' }), { optional: true, advice: words.expiresAdvice });
  const send = async () => {
    const found = keyMaterial(control.value);
    if (!label.text()) label.fail(t.createSecret.nameMissing);
    if (isPrivate(control.value)) material.fail(words.privateKey);
    else if (!found) material.fail(words.unreadable);
    if (!label.text() || isPrivate(control.value) || !found) return false;
    const last = expires.control.value;
    try {
      const made = await post(path, { name: label.text(), ...found, ...(last && { expires_at: last }) });
      dialog.close();
      toast(words.added(made.name));
    } catch (error) {
      if (!isUnknown(error)) throw error;
      dialog.close();
    }
    await refresh();
    return true;
  };
  const dialog = openDialog({
    title: words.add,
    body: [
      form({ fields: [label, material, warning, expires], submit: words.add, cancel: () => dialog.close(), send }),
      example(application),
    ],
  });
  label.control.focus();
}

/** Commands that generate a key pair on the member's own machine, so that the private key never leaves it. */
function example(application) {
  const [slug, days] = ['wmda-key', facts.max_lifetime_days];
  const commands = {
    openssl: [
      `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ${slug}.pem`,
      `openssl pkey -in ${slug}.pem -pubout -out ${slug}.pub.pem`,
    ].join('\n'),
    PowerShell: [
      `$made = New-SelfSignedCertificate -Subject "CN=${application.name}" -CertStoreLocation Cert:\\CurrentUser\\My \``,
      `  -KeyAlgorithm RSA -KeyLength 2048 -NotAfter (Get-Date).AddDays(${days})`,
      `Export-Certificate -Cert $made -FilePath ${slug}.der`,
      `certutil -encode ${slug}.der ${slug}.pem`,
    ].join('\n'),
    Python: [
      'from cryptography.hazmat.primitives.asymmetric import ec',
      'from cryptography.hazmat.primitives import serialization as s',
      'key = ec.generate_private_key(ec.SECP256R1())',
      `open('${slug}.pem', 'wb').write(key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption()))`,
      'print(key.public_key().public_bytes(s.Encoding.PEM, s.PublicFormat.SubjectPublicKeyInfo).decode())',
    ].join('\n'),
  };
  const names = Object.keys(commands);
  const choice = field(words.madeWith, select(names.map((one) => [one, one])));
  const command = h('pre', { tabindex: '0', 'aria-label': words.command });
  const place = h('div', { class: 'row' });
  const refresh = () => {
    const text = commands[choice.control.value];
    command.textContent = text;
    replace(place, copyButton(text, words.theCommand, { kind: '' }));
  };
  choice.control.addEventListener('change', refresh);
  refresh();
  return h(
    'details',
    { class: 'test' },
    h('summary', {}, words.howToMake),
    h('p', { class: 'muted' }, words.staysThere),
    choice,
    command,
    place,
  );
}
