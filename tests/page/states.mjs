// Every state of a secret is seen in the list without a click: suspended, replaced by its system, extended, leaked; and of an
// application, what its managers have decided.

import assert from 'node:assert/strict';
import {
  accessible,
  admin as sample,
  call,
  demo,
  fits,
  manager,
  open,
  person,
  secret,
  signIn,
  sql,
  stored,
  test,
  use,
} from './harness.mjs';

const HOUR = 3_600_000;
const at = (who) => `#/applications/${who.clientId}`;
const card = (page, text) => page.getByRole('article').filter({ hasText: text });
const team = async () => signIn(await person({ role: 'admin', name: 'Wim Bakker' }));
const patch = (who, path, body) => call('PATCH', `/applications/${who.clientId}${path}`, { as: who, body });

/** A request to an endpoint of systems, by form or as JSON; answers its status and body. */
async function post(path, body) {
  const isForm = body instanceof URLSearchParams;
  const answer = await fetch(`${demo.base_url}${path}`, {
    method: 'POST',
    body: isForm ? body : JSON.stringify(body),
    headers: isForm ? {} : { 'Content-Type': 'application/json' },
  });
  return [answer.status, await answer.json()];
}

const credentials = (who, value) =>
  new URLSearchParams({ client_id: who.clientId, client_secret: value.secret, grant_type: 'client_credentials' });

/** Waits until the page of a secret says so by REST. */
async function until(who, value, holds) {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    if (holds(await call('GET', `/applications/${who.clientId}/secrets/${value.id}`, { as: who }))) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.fail('it did not come to that within ten seconds');
}

/** The list in both forms has the words, and is good for everybody. */
async function seen(page, what, words) {
  for (const text of words) await card(page, what).getByText(text).first().waitFor();
  await accessible(page, what);
  await fits(page);
  await page.getByRole('button', { name: 'Compact list' }).click();
  for (const text of words) await card(page, what).getByText(text).first().waitFor();
  await accessible(page, `${what}, compact`);
  await fits(page);
}

test('who suspends a secret reads whether it is missed, and deletes it for good or puts it back', async (t) => {
  const who = await manager();
  const [missed, spare] = [await secret(who, 'Laboratory'), await secret(who, 'Spare')];
  for (const one of [missed, spare]) {
    const until = new Date(Date.now() + 30 * HOUR).toISOString();
    await patch(who, `/secrets/${one.id}`, { suspended_until: until });
  }
  assert.equal((await post('/oauth2/token', credentials(who, missed)))[0], 401);
  await until(who, missed, (one) => one.tried_while_suspended_at);
  const page = await open(t, who, at(who));
  await card(page, 'Spare').getByText('No system has asked for a token with it since.').waitFor();
  await seen(page, 'Laboratory', [/^Suspended: 1 day left/, 'it is still needed']);
  await card(page, 'Laboratory').getByRole('button', { name: 'Put it back' }).press('Enter');
  await card(page, 'Laboratory').getByText('Active', { exact: true }).waitFor();
  await card(page, 'Spare').getByRole('button', { name: 'Delete for good' }).press('Enter');
  await page.getByRole('dialog').getByRole('button', { name: 'Delete secret' }).press('Enter');
  await card(page, 'Spare').waitFor({ state: 'detached' });
});

test('the last secret that works is the last, although another one is suspended', async (t) => {
  const who = await manager();
  const idle = await secret(who, 'Idle');
  await secret(who, 'Only one');
  await patch(who, `/secrets/${idle.id}`, { suspended_until: new Date(Date.now() + 24 * HOUR).toISOString() });
  const page = await open(t, who, at(who));
  await card(page, 'Only one').getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('dialog').getByText('It is the last secret that works.').waitFor();
});

test('of a disabled organisation the team reads it on each of its applications', async (t) => {
  const who = await manager();
  const as = await sample();
  const { organisation_id } = await call('GET', `/applications/${who.clientId}`, { as });
  await call('PATCH', `/organisations/${organisation_id}`, { as, body: { enabled: false } });
  const page = await open(t, await team(), at(who));
  await page.getByText('Its organisation is disabled.').waitFor();
  await accessible(page, 'an application of a disabled organisation');
  await call('PATCH', `/organisations/${organisation_id}`, { as, body: { enabled: true } });
  await page.reload();
  await page.getByRole('heading', { name: 'Secrets' }).waitFor();
  assert.equal(await page.getByText('Its organisation is disabled.').count(), 0);
});

test('a secret that its system has exchanged needs nobody, and no assistant opens for it', async (t) => {
  const who = await manager();
  const old = await secret(who, 'Search server');
  await patch(who, '', { self_rotation: true });
  const [status] = await post('/oauth2/rotate-secret', credentials(who, old));
  assert.equal(status, 201);
  const page = await open(t, who, '#/applications');
  await page.getByText('Rotates by itself').waitFor();
  await page.getByText(/^Replaced: ends in/).waitFor();
  await accessible(page, 'the list of applications');
  await fits(page);
  await page.getByRole('article').getByRole('link').click();
  await page.getByText('Rotates by itself').waitFor();
  const exchanged = page.locator(`[data-secret="${old.id}"]`);
  await exchanged.getByText('There is nothing to do.').waitFor();
  assert.equal(await page.getByRole('region', { name: 'Rotation in progress' }).count(), 0);
  await card(page, '(rotated ').getByText('Active', { exact: true }).waitFor();
  await accessible(page, 'an exchanged secret');
  await fits(page);
});

test('a reported leak is seen by its managers and by the WMDA team, with what was done', async (t) => {
  const who = await manager();
  const value = await secret(who, 'Leaked by a log');
  await secret(who, 'Not concerned');
  assert.equal((await post('/credentials/report', { secret: value.secret }))[0], 202);
  await until(who, value, (one) => one.leak_reported_at);
  const list = await open(t, who, '#/applications');
  await list.getByText('Reported as leaked').waitFor();
  const page = await open(t, who, at(who));
  await seen(page, 'Leaked by a log', [
    'Reported as leaked',
    /^Suspended: [67] days left/,
    'from 127.0.0.1',
    'Others may know it too, so do not put it back.',
  ]);
  assert.equal(await card(page, 'Not concerned').getByText('Reported as leaked').count(), 0);

  const admin = await open(t, await team(), '#/attention');
  const group = admin.locator('section').filter({ hasText: 'Reported as leaked' });
  const row = group.getByRole('listitem').filter({ hasText: 'Leaked by a log' });
  await row.getByText(/^Suspended: [67] days left/).waitFor();
  await row.getByText('127.0.0.1').waitFor();
  await accessible(admin, 'a leak in Needs attention');
  await fits(admin);
  await patch(who, `/secrets/${value.id}`, { suspended_until: null });
  await admin.reload();
  await row.getByText('Works: not suspended').waitFor();
  await call('DELETE', `/applications/${who.clientId}/secrets/${value.id}`, { as: who });
  await admin.reload();
  await row.getByText('Deleted').waitFor();
});

test('a leak is seen in the list of applications, however many secrets end soon', async (t) => {
  const who = await manager();
  const value = await secret(who, 'Leaked by a log');
  for (const name of ['First', 'Second', 'Third']) await secret(who, name, { days: 5 });
  assert.equal((await post('/credentials/report', { secret: value.secret }))[0], 202);
  await until(who, value, (one) => one.leak_reported_at);
  const page = await open(t, who, '#/applications');
  await page.getByText('Reported as leaked').waitFor();
});

test('the WMDA team extends a secret on its last day, once; its managers see until when', async (t) => {
  const who = await manager();
  const [last, idle] = [await secret(who, 'Last day'), await secret(who, 'Upload, idle')];
  await use(who, last);
  for (const one of [last, idle]) {
    const expires = stored(Date.now() + 5 * HOUR);
    sql('UPDATE client_secrets SET expires_at = ? WHERE id = ?', expires, one.id);
  }
  const admin = await open(t, await team(), '#/attention');
  const row = admin.getByRole('listitem').filter({ hasText: 'Last day' }).first();
  const extend = admin.getByRole('button', { name: 'Extend Last day' });
  await extend.waitFor();
  assert.equal(await admin.getByRole('button', { name: 'Extend Upload' }).count(), 0, 'nothing uses it');
  await fits(admin);
  await extend.focus();
  await admin.keyboard.press('Enter');
  const dialog = admin.getByRole('dialog', { name: 'Extend this secret?' });
  await accessible(admin, 'extend');
  await fits(admin);
  await dialog.getByLabel('For how long').selectOption('72');
  await admin.keyboard.press('Tab');
  await admin.keyboard.press('Enter');
  await row.getByText(/^Extended: 3 days left/).waitFor();
  assert.equal(await extend.count(), 0, 'once');
  await admin.locator('h1:focus').waitFor();
  await accessible(admin, 'after it');

  const page = await open(t, who, at(who));
  await seen(page, 'The WMDA team lets it work', [/^Extended: 3 days left/, 'Create a new secret now.']);
  const { items } = await call('GET', '/audit-events?action=secret.grace', { as: await team() });
  assert.ok(items.some((one) => one.object.endsWith(last.id) && one.outcome === 'done'));
});

test('what networks may do is seen on the application, on trial and after it', async (t) => {
  const who = await manager();
  const page = await open(t, who, '#/applications');
  for (const [networks_mode, text] of [
    ['report', 'Networks: on trial'],
    ['enforce', 'Networks: only those listed'],
  ]) {
    await patch(who, '', { networks_mode, allowed_networks: ['192.0.2.0/24'] });
    await page.reload();
    await page.getByText(text).waitFor();
    await accessible(page, text);
    await fits(page);
    await page.getByRole('article').getByRole('link').click();
    await page.getByText(text).waitFor();
    await page.goBack();
  }
});
