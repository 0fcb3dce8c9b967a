// Keys, suspension, refusals, and what a manager decides for an application.

import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { accessible, call, demo, fits, manager, open, secret, sql, stored, test } from './harness.mjs';

const at = (who) => `#/applications/${who.clientId}`;
const card = (page, text) => page.getByRole('article').filter({ hasText: text });
const pair = () =>
  generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });

/** A token request with a secret; answers the status. */
async function ask(who, value) {
  const answer = await fetch(`${demo.base_url}/oauth2/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: who.clientId,
      client_secret: value,
      resource: demo.clients[0].resources[0],
    }),
  });
  return answer.status;
}

test('K-01 a public key is added and deleted; a private one is refused with a warning', async (t) => {
  const who = await manager();
  const page = await open(t, who, at(who));
  const { publicKey, privateKey } = pair();
  await page.getByRole('button', { name: 'Add a key' }).click();
  const dialog = page.getByRole('dialog', { name: 'Add a key' });
  await dialog.getByLabel('Name').fill('Search server');
  const material = dialog.getByLabel('Public key, certificate or address');
  await material.fill(privateKey);
  await dialog.getByText('This is a private key.').waitFor();
  await dialog.getByRole('button', { name: 'Add a key' }).click();
  await dialog.getByText('Do not paste a private key.').waitFor();
  await material.fill(publicKey);
  await accessible(page, 'add a key');
  await fits(page);
  await dialog.getByRole('button', { name: 'Add a key' }).click();
  await card(page, 'Search server').getByText('ES256').waitFor();
  const { items } = await call('GET', `/applications/${who.clientId}/keys`, { as: who });
  assert.deepEqual(
    items.map((one) => one.name),
    ['Search server'],
  );
  await accessible(page, 'an application with a key');
  await fits(page);
  await card(page, 'Search server').getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete key' }).click();
  await page.getByText('No key yet.').waitFor();
});

test('a suspended key says until when, by whom it was added, and whether a system has asked for it', async (t) => {
  const who = await manager();
  const body = { name: 'Search server', certificate: pair().publicKey };
  const key = await call('POST', `/applications/${who.clientId}/keys`, { as: who, body });
  const suspended = { suspended_until: new Date(Date.now() + 86_400_000).toISOString() };
  await call('PATCH', `/applications/${who.clientId}/keys/${key.id}`, { as: who, body: suspended });
  const page = await open(t, who, at(who));
  await card(page, 'Search server').getByText('No system has asked for a token with it since.').waitFor();
  await card(page, 'Search server').getByText(`by ${who.email}`).waitFor();
  sql('UPDATE client_secrets SET tried_while_suspended_at = ? WHERE id = ?', stored(Date.now() - 60_000), key.id);
  await page.reload();
  await card(page, 'Search server').getByText('it is still needed').waitFor();
  await accessible(page, 'an application with a suspended key');
  await fits(page);
});

test('a secret is suspended and put back, and the page says so in between', async (t) => {
  const who = await manager();
  const value = await secret(who, 'Tried without');
  assert.equal(await ask(who, value.secret), 200);
  const page = await open(t, who, at(who));
  await card(page, 'Tried without').getByRole('button', { name: 'Suspend' }).click();
  const dialog = page.getByRole('dialog', { name: 'Suspend for a while?' });
  await accessible(page, 'suspend');
  await dialog.getByRole('button', { name: 'Suspend' }).click();
  await card(page, 'Tried without')
    .getByText(/^Suspended:/)
    .waitFor();
  assert.equal(await ask(who, value.secret), 401);
  await accessible(page, 'an application with a suspended secret');
  await fits(page);
  await card(page, 'Tried without').getByRole('button', { name: 'Put it back' }).click();
  await card(page, 'Tried without').getByText('Active', { exact: true }).waitFor();
  assert.equal(await ask(who, value.secret), 200);
});

test('a manager reads why a request was refused, and what to do', async (t) => {
  const who = await manager();
  const value = await secret(who, 'Right');
  assert.equal(await ask(who, `${value.secret}x`), 401);
  for (let attempt = 0; attempt < 60; attempt += 1) {
    const { items } = await call('GET', `/applications/${who.clientId}/refusals`, { as: who });
    if (items.length > 0) break;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  const page = await open(t, who, at(who));
  await page.getByText('Show why systems got no token').click();
  await page.getByText('127.0.0.1').first().waitFor();
  assert.ok(!(await page.content()).includes(value.secret), 'nothing of a presented value is shown');
  await accessible(page, 'refusals');
  await fits(page);
});

test('a manager lets the system rotate its secret by itself', async (t) => {
  const who = await manager();
  const page = await open(t, who, at(who));
  await page.getByRole('button', { name: 'Edit settings' }).click();
  const dialog = page.getByRole('dialog', { name: 'Settings' });
  await dialog.getByLabel('The system may replace its secret by itself').check();
  await accessible(page, 'settings');
  await fits(page);
  await dialog.getByRole('button', { name: 'Save' }).click();
  await page.getByText('On: the system may replace its secret').waitFor();
  const { self_rotation } = await call('GET', `/applications/${who.clientId}`, { as: who });
  assert.equal(self_rotation, true);
});
