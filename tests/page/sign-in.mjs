// Signing in and out, the end of a session, and people without a role.

import assert from 'node:assert/strict';
import {
  accessible,
  admin,
  application,
  call,
  copied,
  demo,
  fits,
  manager,
  open,
  PAGE,
  person,
  signIn,
  sql,
  stored,
  test,
  totp,
} from './harness.mjs';

const fillIn = async (page, who, { code = totp(who.totp_secret), password = who.password } = {}) => {
  if (await page.getByLabel('E-mail address').isEditable()) await page.getByLabel('E-mail address').fill(who.email);
  await page.getByLabel('Password').fill(password);
  await page.getByLabel('Code from your authenticator').fill(code);
  await page.getByRole('button', { name: 'Sign in' }).click();
};
const MINUTE = 60_000;
/** The session was last used some minutes ago, and the tab is looked at again. */
async function away(page, who, minutes) {
  sql('UPDATE sessions SET last_seen_at = ? WHERE user_id = ?', stored(Date.now() - minutes * MINUTE), who.id);
  await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
}

test('a manager signs in with password and code, and signs out in every tab', async (t) => {
  const clientId = await application();
  const who = await person({ applications: [clientId] });
  const page = await open(t, null, `#/applications/${clientId}`);
  await page.getByRole('heading', { name: 'Manage API Credentials' }).waitFor();
  await accessible(page, 'sign-in');
  await fits(page);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByText('Enter your password.').waitFor();
  await page.locator('[name="email"]:focus').waitFor();
  await fillIn(page, who, { password: 'wrong horse battery' });
  await page.getByText('The e-mail address, the password or the code is wrong').waitFor();
  assert.equal(await page.getByLabel('Code from your authenticator').inputValue(), '');
  await accessible(page, 'sign-in refused');
  await fillIn(page, who);
  // Where the address pointed, there the page goes on.
  await page.getByRole('heading', { name: 'Partner-NL' }).waitFor();

  const cookies = await page.context().cookies();
  const cookie = cookies.find((one) => one.name === '__Host-wmda-session');
  assert.ok(cookie.httpOnly && cookie.secure && cookie.sameSite === 'Strict' && cookie.path === '/');
  assert.deepEqual(
    await page.evaluate(() => [Object.keys(localStorage), Object.keys(sessionStorage), document.cookie]),
    [[], [], ''],
  );

  const other = await open(t, null, '#/applications', { context: page.context() });
  await other.getByRole('heading', { name: 'Your applications' }).waitFor();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByText('You have signed out.').waitFor();
  await other.getByText('You signed out in another tab.').waitFor();
  const answer = await fetch(`${demo.base_url}/api/v1/session`, {
    headers: { Cookie: `__Host-wmda-session=${cookie.value}` },
  });
  assert.equal(answer.status, 401, 'the session is over on the server too');
});

test('a recovery code stands in for a lost authenticator, once', async (t) => {
  const who = await person({ applications: [await application()] });
  const page = await open(t, null);
  await page.getByLabel('E-mail address').fill(who.email);
  await page.getByLabel('Password').fill(who.password);
  await page.getByRole('button', { name: 'Lost your authenticator?' }).click();
  await page.getByLabel('Recovery code').fill(who.recovery_codes[0]);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: 'Your applications' }).waitFor();
});

test('somebody without a role sees why the page is closed and whom to ask', async (t) => {
  const clientId = await application();
  const as = await admin();
  const { organisation_id: organisation } = await call('GET', `/applications/${clientId}`, { as });
  const who = await signIn(await person({ organisation }));
  const page = await open(t, who);
  await page.getByRole('heading', { name: 'You have no access yet' }).waitFor();
  await page.getByText('not a credential manager of any application').waitFor();
  assert.equal(await page.getByRole('main').getByRole('link', { name: 'support@wmda.example' }).count(), 1);
  await accessible(page, 'closed page');
  await fits(page);
  await call('POST', `/applications/${clientId}/managers`, { as, body: { user_id: who.id } });
  await page.getByRole('button', { name: 'Check again' }).click();
  await page.getByRole('heading', { name: 'Your applications' }).waitFor();
});

test('with an OpenID provider there is a way that asks for no password here', async (t) => {
  const page = await open(t, null, '#/never', { viewport: { width: 1280, height: 900 } });
  await page.route('**/session/options', (route) =>
    route.fulfill({ json: { openid: { name: 'WMDA <portal>', start_url: '/api/v1/session/openid' } } }),
  );
  await page.reload();
  const link = page.getByRole('link', { name: 'Sign in with WMDA <portal>' });
  await link.waitFor();
  assert.equal(await link.getAttribute('href'), '/api/v1/session/openid');
  await accessible(page, 'sign-in with a provider');
  await fits(page);
});

test('each failure at an OpenID provider is explained', async (t) => {
  const words = {
    unknown_person: 'no account here yet',
    no_mfa: 'without a second factor',
    disabled: 'is disabled',
    failed: 'did not work',
    surprising: 'did not work',
  };
  const page = await open(t, null);
  for (const [code, text] of Object.entries(words)) {
    await page.goto(`${PAGE}?${code}#sign-in-failed=${code}`);
    await page.getByText(text).waitFor();
    assert.ok(await page.getByRole('link', { name: 'support@wmda.example' }).first().isVisible());
    assert.ok(!page.url().includes('#'), 'the code does not stay in the address');
  }
  await accessible(page, 'sign-in failed at the provider');
});

test('a session that is about to end warns, and goes on when asked', async (t) => {
  const who = await manager();
  const page = await open(t, who, '#/applications');
  await page.getByText('No secret yet').waitFor();
  await away(page, who, 57);
  const warning = page.getByRole('dialog', { name: 'Are you still there?' });
  await warning.waitFor();
  assert.match(await warning.textContent(), /signed out in [23]:\d\d/);
  await accessible(page, 'warning before the end of the session');
  await page.getByRole('button', { name: 'Stay signed in' }).click();
  await warning.waitFor({ state: 'detached' });
  const { expires_at } = await call('GET', '/session', { as: who });
  assert.ok(Date.parse(expires_at) - Date.now() > 55 * MINUTE);
});

test('twelve hours after signing in staying is no longer offered, and a form is kept all the same', async (t) => {
  const who = await manager();
  const page = await open(t, who, `#/applications/${who.clientId}`);
  await page.getByRole('button', { name: 'Create new secret' }).click();
  await page.getByLabel('Name').fill('Late work');
  sql('UPDATE sessions SET created_at = ? WHERE user_id = ?', stored(Date.now() - (12 * 60 - 3) * MINUTE), who.id);
  await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
  await page.getByRole('button', { name: 'Stay signed in' }).click();
  await page.getByText('Every session ends twelve hours after').first().waitFor();
  const looked = page.waitForResponse((answer) => answer.url().endsWith('/api/v1/session'));
  await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
  await looked;
  assert.equal(await page.getByRole('dialog', { name: 'Are you still there?' }).count(), 0, 'it warns once');
  sql('UPDATE sessions SET created_at = ? WHERE user_id = ?', stored(Date.now() - 12 * 60 * MINUTE), who.id);
  await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
  await page.getByText('What you typed is still here.').waitFor();
  await fillIn(page, who, { code: totp(who.totp_secret, 1) });
  await page.getByRole('button', { name: 'Create secret' }).click();
  await page.getByText('Value of Late work').waitFor();
  await copied(page, 'Copy secret');
});

test('what the page asks by itself keeps no session alive', async (t) => {
  const who = await manager();
  const page = await open(t, who, '#/applications');
  await page.getByText('No secret yet').waitFor();
  const looked = page.waitForResponse((answer) => answer.url().endsWith('/api/v1/session'));
  await away(page, who, 20);
  await looked;
  const answer = await fetch(`${demo.base_url}/api/v1/session`, {
    headers: { Cookie: `__Host-wmda-session=${who.cookie}`, 'X-Background': '1' },
  });
  const left = Date.parse((await answer.json()).expires_at) - Date.now();
  assert.ok(left < 40.5 * MINUTE && left > 38 * MINUTE, `${left / MINUTE} minutes are left`);
});

test('a session that has ended with nothing open leads back to where one was', async (t) => {
  const who = await manager();
  const page = await open(t, who, `#/applications/${who.clientId}`);
  await page.getByText('No key yet.').waitFor();
  await away(page, who, 61);
  await page.getByText('one hour without activity').waitFor();
  assert.equal(await page.getByText('Client id').count(), 0, 'nothing of the view is left on the screen');
  await fillIn(page, who, { code: totp(who.totp_secret, 1) });
  await page.getByRole('heading', { name: 'Secrets' }).waitFor();
});

test('a session that has ended with a form open loses nothing that was typed', async (t) => {
  const who = await manager();
  const page = await open(t, who, `#/applications/${who.clientId}`);
  await page.getByRole('button', { name: 'Create new secret' }).click();
  await page.getByLabel('Name').fill('Search server, Utrecht');
  await page.getByRole('radio', { name: '3 months' }).check();
  await page.context().clearCookies();
  await page.getByRole('button', { name: 'Create secret' }).click();
  await page.getByRole('dialog', { name: 'Sign in to continue' }).waitFor();
  await accessible(page, 'sign-in in front of a form');
  await page.keyboard.press('Escape');
  assert.ok(
    await page.getByRole('dialog', { name: 'Sign in to continue' }).isVisible(),
    'it can’t be closed like that',
  );
  await fillIn(page, who, { code: totp(who.totp_secret, 1) });
  // The call that was refused is made again, with what was typed.
  await page.getByRole('dialog', { name: 'Your new secret' }).waitFor();
  await page.getByText('Value of Search server, Utrecht').waitFor();
  await copied(page, 'Copy secret');
  const { items } = await call('GET', `/applications/${who.clientId}/secrets`, { as: await signedInAgain(page) });
  assert.deepEqual(
    items.map((one) => one.name),
    ['Search server, Utrecht'],
  );
  assert.ok(Date.parse(items[0].expires_at) < Date.now() + 93 * 24 * 60 * MINUTE);
});

async function signedInAgain(page) {
  const cookies = await page.context().cookies();
  return { cookie: cookies.find((one) => one.name === '__Host-wmda-session').value, csrf: '' };
}

test('two tabs: signing in anew in one lets the other go on', async (t) => {
  const clientId = await application();
  const who = await signIn(await person({ applications: [clientId] }));
  const first = await open(t, who, `#/applications/${clientId}`);
  await first.getByRole('button', { name: 'Create new secret' }).click();
  await first.getByLabel('Name').fill('Written before');
  const second = await open(t, null, '#/applications', { context: first.context() });
  await second.getByRole('button', { name: 'Sign out' }).click();
  await first.getByRole('dialog', { name: 'Sign in to continue' }).waitFor();
  await fillIn(second, who, { code: totp(who.totp_secret, 1) });
  await second.getByRole('heading', { name: 'Your applications' }).waitFor();
  await first.getByRole('dialog', { name: 'Sign in to continue' }).waitFor({ state: 'detached' });
  assert.equal(await first.getByLabel('Name').inputValue(), 'Written before');
  await first.getByRole('button', { name: 'Create secret' }).click();
  await first.getByRole('dialog', { name: 'Your new secret' }).waitFor();
  await copied(first, 'Copy secret');
});
