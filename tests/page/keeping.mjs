// What is shown once is not lost without a question, however somebody leaves.

import assert from 'node:assert/strict';
import { admin, application, call, copied, manager, open, secret, sql, stored, test, totp } from './harness.mjs';

const at = (who) => `#/applications/${who.clientId}`;
const MINUTE = 60_000;

async function create(page, name) {
  await page.getByRole('button', { name: 'Create new secret' }).first().click();
  await page.getByLabel('Name').fill(name);
  await page.getByRole('button', { name: 'Create secret' }).click();
}

/** Reloads, and answers whether the browser asked about it: a question, or a page that is loaded, comes in any case. */
async function reloadAsks(page) {
  const first = (event) => page.waitForEvent(event, { timeout: 30_000 });
  const asked = first('dialog').then(async (dialog) => {
    assert.equal(dialog.type(), 'beforeunload');
    await dialog.dismiss();
    return true;
  });
  const loaded = first('load').then(() => false);
  // The one that does not come ends with the page, long after anybody looks.
  for (const one of [asked, loaded]) one.catch(() => {});
  await page.evaluate(() => {
    setTimeout(() => location.reload());
  });
  return Promise.race([asked, loaded]);
}

const shown = (page) => page.locator('[data-secret-value]');

test('a new secret stays under Back and reload while “Leave without the secret?” is asked', async (t) => {
  const who = await manager();
  const page = await open(t, who, '#/applications');
  await page.getByRole('article').getByRole('link').click();
  await create(page, 'Kept');
  await shown(page).waitFor();
  assert.ok(await reloadAsks(page));
  await page.keyboard.press('Escape');
  const question = page.getByRole('dialog', { name: 'Leave without the secret?' });
  await question.waitFor();
  await page.goBack();
  assert.ok(await reloadAsks(page));
  await page.goBack();
  assert.equal(await question.count(), 1, 'it is asked once');
  await question.getByRole('button', { name: 'Go back' }).click();
  assert.ok(await shown(page).isVisible());
  await copied(page, 'Copy secret');
  await page.keyboard.press('Escape');
  await shown(page).waitFor({ state: 'detached' });
  assert.equal(await reloadAsks(page), false, 'once it is copied nothing is asked');
});

test('a new secret stays under Back, reload and leaving while “Sign in to continue” stands in front of it', async (t) => {
  const who = await manager();
  const page = await open(t, who, '#/applications');
  await page.getByRole('article').getByRole('link').click();
  await create(page, 'Kept longer');
  await shown(page).waitFor();
  const value = await shown(page).textContent();
  sql('UPDATE sessions SET last_seen_at = ? WHERE user_id = ?', stored(Date.now() - 61 * MINUTE), who.id);
  await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
  const signInAgain = page.getByRole('dialog', { name: 'Sign in to continue' });
  await signInAgain.waitFor();
  await page.goBack();
  assert.ok(await signInAgain.isVisible());
  assert.ok(await reloadAsks(page));
  await signInAgain.getByRole('button', { name: 'Leave without saving' }).click();
  const question = page.getByRole('dialog', { name: 'Leave without the new secret?' });
  await question.getByRole('button', { name: 'Go back' }).click();
  await signInAgain.getByLabel('Password').fill(who.password);
  await signInAgain.getByLabel('Code from your authenticator').fill(totp(who.totp_secret, 1));
  await signInAgain.getByRole('button', { name: 'Sign in' }).click();
  await signInAgain.waitFor({ state: 'detached' });
  assert.equal(await shown(page).textContent(), value);
  await copied(page, 'Copy secret');
});

test('a new secret stays when its owner signs in anew in another tab, or wants to sign out at the warning', async (t) => {
  const who = await manager();
  const page = await open(t, who, at(who));
  await create(page, 'Kept beside');
  await shown(page).waitFor();
  const other = await open(t, null, '#/applications', { context: page.context() });
  await other.getByRole('heading', { name: 'Your applications' }).waitFor();
  await other.evaluate((user) => new BroadcastChannel('wmda-auth').postMessage({ kind: 'signed-in', user }), who.id);
  await page.waitForTimeout(500);
  assert.ok(await shown(page).isVisible());
  sql('UPDATE sessions SET last_seen_at = ? WHERE user_id = ?', stored(Date.now() - 57 * MINUTE), who.id);
  await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
  const warning = page.getByRole('dialog', { name: 'Are you still there?' });
  await warning.getByRole('button', { name: 'Sign out' }).click();
  await page
    .getByRole('dialog', { name: 'Leave without the new secret?' })
    .getByRole('button', { name: 'Go back' })
    .click();
  await warning.getByRole('button', { name: 'Stay signed in' }).click();
  await copied(page, 'Copy secret');
});

test('while the secret is being made nothing closes the form', async (t) => {
  const who = await manager();
  const page = await open(t, who, '#/applications');
  await page.getByRole('article').getByRole('link').click();
  let answer;
  const held = new Promise((resolve) => {
    answer = resolve;
  });
  await page.route('**/secrets', async (route) => {
    if (route.request().method() === 'POST') await held;
    await route.fallback();
  });
  await create(page, 'Slow');
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.goBack();
  assert.ok(await page.getByRole('dialog', { name: 'Create new secret' }).isVisible());
  assert.ok(await reloadAsks(page));
  answer();
  await shown(page).waitFor();
  await copied(page, 'Copy secret');
});

test('recovery codes are not lost by Back or reload, and the used token does not come back to the address', async (t) => {
  const as = await admin();
  const { organisation_id } = await call('GET', `/applications/${await application()}`, { as });
  const body = { email: 'codes@amstel.example', display_name: 'Codes', roles: ['credential_manager'], organisation_id };
  const user = await call('POST', '/users', { as, body });
  const page = await open(t, null, '#/applications');
  await page.getByLabel('E-mail address').waitFor();
  await page.evaluate((hash) => {
    location.hash = hash;
  }, user.enrolment_url.split('#')[1]);
  await page.getByLabel('Repeat password').waitFor();
  await page.getByLabel('Password', { exact: true }).fill('a sentence of my own');
  await page.getByLabel('Repeat password').fill('a sentence of my own');
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByText('Can’t scan it?').click();
  const key = (await page.locator('.key').textContent()).replace(/\s/g, '');
  await page.getByLabel('Code that the app shows now').fill(totp(key));
  await page.getByRole('button', { name: 'Finish' }).click();
  await page.getByText('Save these codes now').waitFor();
  assert.ok(await reloadAsks(page));
  await page.goBack();
  await page
    .getByRole('dialog', { name: 'Continue without the codes?' })
    .getByRole('button', { name: 'Go back' })
    .click();
  assert.equal(await page.locator('.codes code').count(), 10);
  assert.ok(!page.url().includes('token='), page.url());
  await copied(page, 'Copy codes');
  assert.equal(await reloadAsks(page), false);
});

test('when the value is closed the focus stays on the page, and the assistant of a low card is in view', async (t) => {
  const who = await manager();
  for (let number = 0; number < 4; number += 1) await secret(who, `Number ${number}`);
  const page = await open(t, who, at(who));
  const focused = () => page.evaluate(() => document.activeElement.tagName);
  await create(page, 'Number 4');
  await copied(page, 'Copy secret');
  await page.getByRole('button', { name: 'Done' }).click();
  await page.locator('[data-key="create"]:focus').waitFor();
  await page.getByRole('button', { name: /^Rotate Number 3/ }).click();
  await page.getByRole('button', { name: 'Create secret' }).click();
  await copied(page, 'Copy secret');
  await page.getByRole('button', { name: 'Done' }).click();
  const panel = page.getByRole('region', { name: 'Rotation in progress' });
  await panel.waitFor();
  assert.equal(await focused(), 'H2');
  const top = await panel.evaluate((one) => one.getBoundingClientRect().top);
  assert.ok(top >= 0 && top < 450, `the assistant begins at ${top}`);
  await page.reload();
  await page.getByRole('button', { name: /^Delete Number 0/ }).click();
  await page.getByRole('dialog').waitFor();
  await page.keyboard.press('Escape');
  assert.notEqual(await focused(), 'BODY');
  await page.getByRole('button', { name: /^Details Number 1/ }).click();
  await page.keyboard.press('Escape');
  assert.notEqual(await focused(), 'BODY');
});
