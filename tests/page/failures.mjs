// When the server goes, the network goes, or the ground moves: nothing half-made, and the user knows what happened.

import assert from 'node:assert/strict';
import {
  accessible,
  admin,
  application,
  call,
  copied,
  demo,
  manager,
  open,
  person,
  secret,
  Server,
  signIn,
  test,
  totp,
} from './harness.mjs';

const at = (who) => `#/applications/${who.clientId}`;
const list = async (who) => (await call('GET', `/applications/${who.clientId}/secrets`, { as: who })).items;

async function fill(page, name) {
  await page.getByRole('button', { name: 'Create new secret' }).first().click();
  await page.getByLabel('Name').fill(name);
  await page.getByRole('button', { name: 'Create secret' }).click();
}

test('the server is gone in the middle of a creation: nothing is half-made, and the form is kept', async (t) => {
  const server = await Server.start(t);
  const { base_url: base } = server.demo;
  const clientId = await application({ of: server.demo });
  const who = await person({ applications: [clientId], of: server.demo });
  const page = await open(t, null, `#/applications/${clientId}`, { base, expected: ['net::ERR'] });
  await page.getByLabel('E-mail address').fill(who.email);
  await page.getByLabel('Password').fill(who.password);
  await page.getByLabel('Code from your authenticator').fill(totp(who.totp_secret));
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('button', { name: 'Create new secret' }).waitFor();
  await server.kill();
  await fill(page, 'Made later');
  // The view behind it may say the same, when it was read again just then.
  const lost = page.getByRole('dialog', { name: 'The answer was lost' });
  await lost.getByText('The server did not answer.').waitFor();
  await accessible(page, 'no answer');
  await page.getByRole('button', { name: 'Look again' }).click();
  await lost.getByText('The server did not answer.').waitFor();
  assert.ok(await server.run());
  await page.getByRole('button', { name: 'Look again' }).click();
  await page.getByText('No secret was created.').waitFor();
  await page.getByRole('button', { name: 'Back to the form' }).click();
  assert.equal(await page.getByLabel('Name').inputValue(), 'Made later');
  await page.getByRole('button', { name: 'Create secret' }).click();
  await page.getByRole('dialog', { name: 'Your new secret' }).waitFor();
  await copied(page, 'Copy secret');
});

test('the answer to a creation is lost: the page finds the secret, says so, and offers to delete it', async (t) => {
  const who = await manager();
  await secret(who, 'Lost');
  const page = await open(t, who, at(who), { expected: ['net::ERR_FAILED'] });
  // The request arrives and is done; only its answer does not come back.
  await page.route(
    '**/secrets',
    async (route) => {
      if (route.request().method() !== 'POST') return route.fallback();
      await route.fetch();
      return route.abort();
    },
    { times: 1 },
  );
  await fill(page, 'Lost');
  const dialog = page.getByRole('dialog', { name: 'The answer was lost' });
  await dialog.waitFor();
  await dialog.getByText('Looking for it…').waitFor({ timeout: 1_000 });
  await dialog.getByText('its value was lost on the way').waitFor();
  await accessible(page, 'lost answer');
  assert.equal((await list(who)).length, 2);
  await dialog.getByRole('button', { name: 'Delete it and start again' }).click();
  await page.getByRole('button', { name: 'Create secret' }).waitFor();
  assert.equal((await list(who)).length, 1, 'the one from before stays');
  assert.equal(await page.getByLabel('Name').inputValue(), 'Lost');
});

test('the answer to a deletion is lost: the page looks, and says what is', async (t) => {
  const who = await manager();
  await secret(who, 'Half deleted');
  const page = await open(t, who, at(who), { expected: ['net::ERR_FAILED'] });
  let lost = 0;
  await page.route('**/secrets/*', async (route) => {
    if (route.request().method() !== 'DELETE') return route.fallback();
    await route.fetch();
    lost += 1;
    return route.abort();
  });
  await page.getByRole('button', { name: 'Delete Half deleted' }).click();
  await page.getByRole('button', { name: 'Delete secret' }).click();
  await page.getByText('“Half deleted” was deleted.').first().waitFor();
  await page.getByText('No secret yet.').waitFor();
  assert.equal(lost, 1);
});

test('without a network a view says so and is tried again', async (t) => {
  const who = await manager();
  const page = await open(t, who, '#/applications', { expected: ['net::ERR_INTERNET_DISCONNECTED'] });
  await page.getByRole('link', { name: 'Partner-NL' }).waitFor();
  await page.context().setOffline(true);
  await page.getByRole('link', { name: 'Partner-NL' }).click();
  await page.getByRole('heading', { name: 'The server does not answer' }).waitFor();
  await accessible(page, 'no network');
  await page.context().setOffline(false);
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.getByRole('heading', { name: 'Secrets' }).waitFor();
});

test('a module that the browser does not try again is loaded by a reload, once the server answers', async (t) => {
  const who = await manager();
  const page = await open(t, who, '#/applications', { expected: ['net::ERR_FAILED'] });
  let documents = 0;
  page.on('request', (request) => {
    if (request.isNavigationRequest()) documents += 1;
  });
  await page.route('**/assets/suspend.js', (route) => (documents < 2 ? route.abort() : route.continue()));
  await page.reload();
  await page.getByRole('link', { name: 'Partner-NL' }).click();
  await page.getByRole('heading', { name: 'The server does not answer' }).waitFor();
  assert.equal(documents, 1, 'the first failure reloads nothing');
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.getByRole('heading', { name: 'Secrets' }).waitFor();
  assert.equal(documents, 2);
});

test('an assignment that has ended meanwhile closes the application and says why', async (t) => {
  const clientId = await application();
  const second = await application();
  const who = await signIn(await person({ applications: [clientId] }));
  const page = await open(t, who, `#/applications/${clientId}`);
  await page.getByRole('heading', { name: 'Secrets' }).waitFor();
  await call('DELETE', `/applications/${clientId}/managers/${who.id}`, { as: await admin() });
  await page.reload();
  await page.getByRole('heading', { name: 'You have no access yet' }).waitFor();
  await call('POST', `/applications/${clientId}/managers`, { as: await admin(), body: { user_id: who.id } });
  await page.goto(`${demo.page_url}?2#/applications/${second}`);
  await page.getByRole('heading', { name: 'There is nothing here' }).waitFor();
  await accessible(page, 'nothing here');
});
