// The words of the page: each language says the same things, and is chosen by the browser or by the reader.

import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { accessible, admin, asset, call, fits, manager, open, PAGE, person, secret, signIn, test } from './harness.mjs';

const LANGUAGES = ['en', 'nl'];

/** A module of words, as it is served. */
async function words(code) {
  const folder = await mkdtemp(join(tmpdir(), 'wmda-words-'));
  const file = join(folder, `${code}.mjs`);
  await writeFile(file, await asset(`text-${code}.js`));
  const { default: found } = await import(file);
  await rm(folder, { recursive: true });
  return found;
}

/** `signIn.wrong: string`, `dates.day: function of 1`: what a language has, without what it says. */
function shape(node, path = '') {
  return Object.entries(node).flatMap(([key, value]) => {
    const here = path ? `${path}.${key}` : key;
    if (here === 'answers') return [];
    if (typeof value === 'object') return shape(value, here);
    return [typeof value === 'function' ? `${here}: function of ${value.length}` : `${here}: ${typeof value}`];
  });
}

/** Every text of a language; functions are called with marks in place of what they are given. */
function said(node) {
  if (typeof node === 'function') return said(node(...Array.from({ length: node.length }, (_, at) => String(at + 2))));
  if (Array.isArray(node)) return node.flatMap(said);
  if (typeof node === 'object' && node) return Object.values(node).flatMap(said);
  return [String(node)];
}

test('every language has the same texts, with the same parts to fill in, and none is empty', async () => {
  const [english, ...others] = await Promise.all(LANGUAGES.map(words));
  for (const other of others) assert.deepEqual(shape(other), shape(english));
  for (const text of others.flatMap(said)) assert.doesNotMatch(text, /undefined|\[object|=>/);
});

test('no text uses words that a reader of English as a second language stumbles over', async () => {
  const found = said(await words('en')).filter((text) =>
    /\b(go on|once more|fall silent|stands? still|for now|matters? to|meanwhile|take (it )?away|at the earliest|whilst|hitherto)\b/i.test(
      text,
    ),
  );
  assert.deepEqual(found, []);
});

test('Dutch has one word for a secret', async () => {
  const found = said(await words('nl')).filter((text) => /\bsecrets?\b/i.test(text));
  assert.deepEqual(found, []);
});

test('every kind of object that the audit trail names has words in every language', async () => {
  const as = await admin();
  const kinds = new Set();
  for (let after = ''; after !== null; ) {
    const { items, next } = await call('GET', `/audit-events?limit=200${after && `&after=${after}`}`, { as });
    for (const { object } of items) {
      const parts = object.split('/');
      for (let at = 0; at + 1 < parts.length; at += 2) kinds.add(parts[at]);
    }
    after = next;
  }
  assert.ok(kinds.size >= 5, [...kinds].join());
  for (const code of LANGUAGES) {
    const { kinds: known } = (await words(code)).events;
    assert.deepEqual([...kinds].filter((kind) => !known[kind]).sort(), []);
  }
});

test('a browser that speaks Dutch gets the page in Dutch, and the switch remembers English', async (t) => {
  const who = await manager();
  await secret(who, 'Zoekserver');
  const page = await open(t, who, `#/applications/${who.clientId}`, { locale: 'nl-NL' });
  await page.getByRole('heading', { name: 'Geheimen' }).waitFor();
  assert.equal(await page.evaluate(() => document.documentElement.lang), 'nl');
  assert.match(await page.title(), /– API-toegang beheren$/);
  const expires = await page.locator('.facts time').nth(0).textContent();
  assert.match(
    expires,
    /^\d{1,2} (januari|februari|maart|april|mei|juni|juli|augustus|september|oktober|november|december) \d{4}/,
  );
  await page.getByRole('button', { name: 'Nieuw geheim aanmaken' }).click();
  await page.getByLabel('Naam').fill('😀'.repeat(121));
  await page.getByText('Gebruik hoogstens 120 tekens. Dit zijn er 121.').waitFor();
  await accessible(page, 'the form in Dutch');
  await fits(page);
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'English' }).click();
  await page.getByRole('heading', { name: 'Secrets' }).waitFor();
  assert.equal(await page.evaluate(() => document.documentElement.lang), 'en');
  await page.reload();
  await page.getByRole('heading', { name: 'Secrets' }).waitFor();
  await page.getByRole('button', { name: 'Nederlands' }).click();
  await page.getByRole('heading', { name: 'Geheimen' }).waitFor();
});

test('what closes a dialog and what declines a question speak Dutch too', async (t) => {
  const who = await manager();
  const team = await signIn(await person({ role: 'admin', name: 'Wim Bakker' }));
  const page = await open(t, team, `#/applications/${who.clientId}`, { locale: 'nl-NL' });
  await page.getByRole('button', { name: 'Applicatie uitschakelen' }).click();
  const question = page.getByRole('dialog');
  await question.getByRole('button', { name: 'Sluiten' }).waitFor();
  await question.getByRole('button', { name: 'Annuleren' }).click();
  await question.waitFor({ state: 'detached' });
});

test('a language that there is not gets English, and an answer of the server that has no translation says its language', async (t) => {
  const other = await open(t, null, '', { locale: 'fi-FI' });
  await other.getByLabel('E-mail address').waitFor();
  assert.equal(await other.evaluate(() => document.documentElement.lang), 'en');
  const page = await open(t, null, '', { locale: 'nl-BE' });
  await page.getByLabel('E-mailadres').fill('niemand@amstel.example');
  await page.getByLabel('Wachtwoord').fill('wrong horse battery');
  await page.getByLabel('Code van uw authenticator').fill('123456');
  await page.getByRole('button', { name: 'Aanmelden' }).click();
  await page.getByText('Het e-mailadres, het wachtwoord of de code is niet juist.').waitFor();
  await page.route('**/api/v1/session', (route) => route.fulfill({ status: 409, json: { detail: 'something new' } }));
  await page.getByLabel('Code van uw authenticator').fill('123456');
  await page.getByRole('button', { name: 'Aanmelden' }).click();
  assert.equal(await page.getByText('Something new.').getAttribute('lang'), 'en');
  assert.ok(page.url().startsWith(PAGE));
});
