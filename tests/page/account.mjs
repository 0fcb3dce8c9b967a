// My account: what somebody changes about how they sign in, and where they are signed in.

import assert from 'node:assert/strict';
import {
  accessible,
  application,
  call,
  copied,
  demo,
  fits,
  manager,
  open,
  person,
  signIn,
  test,
  totp,
} from './harness.mjs';

const NEW = 'another sentence of mine';

async function prove(page, who, steps, { password = who.password } = {}) {
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Current password').fill(password);
  await dialog.getByLabel('Code from your authenticator').fill(totp(who.totp_secret, steps));
  return dialog;
}

const account = async (t, who) => {
  const page = await open(t, who, '#/account');
  await page.getByRole('heading', { name: 'My account' }).waitFor();
  return page;
};

test('a password is changed by who proves who they are; the other sessions end', async (t) => {
  const who = await manager();
  const other = await signIn(who, { steps: 1 });
  const page = await account(t, other);
  await accessible(page, 'my account');
  await fits(page);
  await page.getByRole('button', { name: 'Change (password)' }).click();
  await accessible(page, 'change the password');
  const dialog = await prove(page, who, 0, { password: 'wrong horse battery' });
  await dialog.getByLabel('Password', { exact: true }).fill(NEW);
  await dialog.getByLabel('Repeat password').fill('something else');
  await dialog.getByRole('button', { name: 'Change password' }).click();
  await dialog.getByText('The two passwords are different.').waitFor();
  await dialog.getByLabel('Repeat password').fill(NEW);
  await dialog.getByRole('button', { name: 'Change password' }).click();
  await dialog.getByText('Password or code is wrong').waitFor();
  await dialog.getByLabel('Current password').fill(who.password);
  await dialog.getByRole('button', { name: 'Lost your authenticator?' }).click();
  await dialog.getByLabel('Recovery code').fill(who.recovery_codes[0]);
  await dialog.getByRole('button', { name: 'Change password' }).click();
  await page.getByText('Your password was changed.').first().waitFor();
  const answer = await fetch(`${demo.base_url}/api/v1/session`, {
    headers: { Cookie: `__Host-wmda-session=${who.cookie}` },
  });
  assert.equal(answer.status, 401, 'the other session is over');
});

test('recovery codes are made anew and not left without a question', async (t) => {
  const who = await manager();
  const page = await account(t, who);
  await page.getByText('10 codes are left.').waitFor();
  await page.getByRole('button', { name: 'Make new codes (recovery codes)' }).click();
  const dialog = await prove(page, who, 1);
  await dialog.getByRole('button', { name: 'Make new codes' }).click();
  await page.getByText('Save these codes now').waitFor();
  await accessible(page, 'new recovery codes');
  assert.equal(await page.locator('.codes code').count(), 10);
  await page.getByRole('button', { name: 'Done' }).click();
  const question = page.getByRole('dialog', { name: 'Continue without the codes?' });
  await question.getByRole('button', { name: 'Go back' }).click();
  await copied(page, 'Copy codes');
  await page.getByRole('button', { name: 'Done' }).click();
  await page.getByRole('dialog').waitFor({ state: 'detached' });
});

test('an authenticator is replaced by another one, which brings its own recovery codes', async (t) => {
  const who = await manager();
  const page = await account(t, who);
  await page.getByRole('button', { name: 'Replace (authenticator)' }).click();
  const dialog = await prove(page, who, 1);
  await dialog.getByRole('button', { name: 'Continue' }).click();
  await page.getByText('Can’t scan it?').click();
  await accessible(page, 'a new authenticator');
  const key = (await page.locator('.key').textContent()).replace(/\s/g, '');
  assert.notEqual(key, who.totp_secret);
  await page.getByLabel('Code that the app shows now').fill(totp(key));
  await page.getByRole('button', { name: 'Finish' }).click();
  await page.getByText('Save these codes now').waitFor();
  await copied(page, 'Copy codes');
  await page.getByRole('button', { name: 'Done' }).click();
  await signIn({ ...who, totp_secret: key }, { steps: 1 });
});

test('sessions are listed, and the others are ended', async (t) => {
  const who = await manager();
  await signIn(who, { steps: 1 });
  const page = await account(t, who);
  const rows = page.getByRole('row').filter({ has: page.locator('time') });
  assert.equal(await rows.count(), 2);
  await rows.filter({ hasText: 'This session' }).waitFor();
  await page.getByRole('button', { name: 'End the others' }).click();
  await page.getByText('The other sessions were ended.').first().waitFor();
  await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 1);
});

test('what the unsubscribe page promises is there: the e-mails can be set, and stay set', async (t) => {
  const who = await manager();
  const page = await account(t, who);
  await page.getByLabel('Only urgent e-mails').check();
  await page.getByText('Your changes are saved.').first().waitFor();
  assert.equal((await call('GET', '/session/preferences', { as: who })).reminders, 'urgent');
  await page.reload();
  await page.getByRole('heading', { name: 'My account' }).waitFor();
  assert.ok(await page.getByLabel('Only urgent e-mails').isChecked());
});

test('an admin resets an authenticator and sends the invitation by mail', async (t) => {
  const clientId = await application();
  const who = await person({ applications: [clientId], name: 'Lotte Lost' });
  const page = await open(t, await signIn(await person({ role: 'admin', name: 'Wim Bakker' })), '#/people');
  await page.getByLabel('Search people').fill('Lotte Lost');
  await page.getByRole('button', { name: 'Change Lotte Lost' }).click();
  await page.getByRole('button', { name: 'New enrolment link' }).click();
  await page.getByLabel('The authenticator is lost').check();
  await page.getByText('only when you are sure who the person is').waitFor();
  await accessible(page, 'a new link');
  await page.getByRole('button', { name: 'Make a link' }).click();
  await page.getByText(`The link was sent to ${who.email}.`).first().waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Add a person' }).click();
  await page.getByLabel('E-mail address', { exact: true }).fill('by.mail@amstel.example');
  await page.getByLabel('Name', { exact: true }).fill('By Mail');
  await page.getByRole('button', { name: 'Add person' }).click();
  await page.getByText('The link was sent to by.mail@amstel.example.').first().waitFor();
  await page.getByLabel('Search people').fill('By Mail');
  await page.getByRole('row').filter({ hasText: 'by.mail@amstel.example' }).getByText('Not enrolled yet').waitFor();
});
