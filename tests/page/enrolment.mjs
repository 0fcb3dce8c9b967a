// Enrolment by a one-time link, and a new password without going around the authenticator.

import assert from 'node:assert/strict';
import jsQR from 'jsqr';
import { accessible, admin, application, call, fits, open, person, test, totp } from './harness.mjs';

const PASSWORD = 'a sentence of my own';

/** Reads the QR code as a phone does: by its pixels. */
async function scan(page) {
  const path = await page.locator('.qr path').getAttribute('d');
  const size = Number((await page.locator('.qr').getAttribute('viewBox')).split(' ')[2]);
  const scale = 4;
  const pixels = new Uint8ClampedArray((size * scale) ** 2 * 4).fill(255);
  for (const [, x, y] of path.matchAll(/M(\d+) (\d+)h1v1h-1z/g)) {
    for (let at = 0; at < scale * scale; at += 1) {
      const [column, row] = [x * scale + (at % scale), y * scale + Math.floor(at / scale)];
      pixels.set([0, 0, 0], (row * size * scale + column) * 4);
    }
  }
  return new URL(jsQR(pixels, size * scale, size * scale).data);
}

async function choose(page, password) {
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByLabel('Repeat password').fill(password);
  await page.getByRole('button', { name: 'Continue' }).click();
}

test('a new manager enrols: password, authenticator by QR code, recovery codes, sign-in', async (t) => {
  const as = await admin();
  const clientId = await application();
  const { organisation_id } = await call('GET', `/applications/${clientId}`, { as });
  const user = await call('POST', '/users', {
    as,
    body: {
      email: 'sofia.enrols@amstel.example',
      display_name: 'Sofia Lind',
      roles: ['credential_manager'],
      organisation_id,
    },
  });
  await call('POST', `/applications/${clientId}/managers`, { as, body: { user_id: user.id } });
  const page = await open(t, null, `#${user.enrolment_url.split('#')[1]}`);
  await page.getByRole('heading', { name: 'Set up your access' }).waitFor();
  await page.getByText('Hello Sofia Lind. Your link works once.').waitFor();
  const username = page.locator('form input[autocomplete="username"]');
  assert.equal(await username.inputValue(), 'sofia.enrols@amstel.example', 'what password managers keep it under');
  assert.equal(await username.isEditable(), false);
  await accessible(page, 'enrolment, password');
  await fits(page);

  await choose(page, 'short');
  await page.getByText('Use at least 8 characters.').waitFor();
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByText('The two passwords are different.').waitFor();
  await accessible(page, 'enrolment, password refused');
  await choose(page, PASSWORD);

  await page.getByText('Scan this code').waitFor();
  await accessible(page, 'enrolment, authenticator');
  await fits(page);
  const uri = await scan(page);
  assert.equal(uri.protocol, 'otpauth:');
  assert.match(decodeURIComponent(uri.href), /totp\/WMDA:sofia\.enrols@amstel\.example/);
  const key = uri.searchParams.get('secret');
  await page.getByText('Can’t scan it?').click();
  assert.equal((await page.locator('.key').textContent()).replace(/\s/g, ''), key);
  await page.getByLabel('Code that the app shows now').fill('000000');
  await page.getByRole('button', { name: 'Finish' }).click();
  await page.getByText('The code is wrong').waitFor();
  await page.getByLabel('Code that the app shows now').fill(totp(key));
  await page.getByRole('button', { name: 'Finish' }).click();

  await page.getByText('Save these codes now').waitFor();
  await accessible(page, 'enrolment, recovery codes');
  await fits(page);
  assert.ok(!page.url().includes('token'), 'the used token does not stay in the address');
  const codes = await page.locator('.codes code').allTextContents();
  assert.equal(codes.length, 10);
  await page.getByRole('button', { name: 'Go to sign-in' }).click();
  await page.getByRole('dialog', { name: 'Continue without the codes?' }).waitFor();
  await page.getByRole('button', { name: 'Go back' }).click();
  const saved = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Download' }).click();
  assert.equal((await saved).suggestedFilename(), 'wmda-recovery-codes.txt');
  await page.getByRole('button', { name: 'Go to sign-in' }).click();
  await page.getByLabel('E-mail address').fill('sofia.enrols@amstel.example');
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByLabel('Code from your authenticator').fill(totp(key, 1));
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: 'Your applications' }).waitFor();

  await page.goto(`${page.url().split('#')[0]}?again#${user.enrolment_url.split('#')[1]}`);
  await refused(page);
  await page.getByRole('button', { name: 'Go to sign-in' }).click();
  await page.getByRole('heading', { name: 'Your applications' }).waitFor();
});

/** Before anybody types a password. */
async function refused(page) {
  await page.getByRole('heading', { name: 'This link does not work' }).waitFor();
  await page.getByText('This link is unknown, was used, or is too old').waitFor();
  assert.equal(await page.locator('input').count(), 0);
}

test('a link that is used up while its page is open, or was never made, is refused', async (t) => {
  const who = await person({ applications: [await application()] });
  const { enrolment_url } = await call('POST', `/users/${who.id}/enrolment`, { as: await admin() });
  const page = await open(t, null, `#${enrolment_url.split('#')[1]}`);
  await page.getByText('First choose a new password').waitFor();
  await call('POST', `/users/${who.id}/enrolment`, { as: await admin() });
  await choose(page, PASSWORD);
  await page.getByText('This link is unknown, was used, or is too old').waitFor();
  const other = await open(t, null, '#token=never-made');
  await refused(other);
  await accessible(other, 'a link that is refused');
  await fits(other);
});

test('a link is looked up again when the server could not be asked', async (t) => {
  const who = await person({ applications: [await application()] });
  const { enrolment_url } = await call('POST', `/users/${who.id}/enrolment`, { as: await admin() });
  const page = await open(t, null, '', { expected: ['net::ERR_FAILED'] });
  await page.route('**/api/v1/enrolment/lookup', (route) => route.abort());
  await page.goto(`${page.url().split('#')[0]}#${enrolment_url.split('#')[1]}`);
  const again = page.getByRole('button', { name: 'Try again' });
  await again.waitFor();
  await page.unroute('**/api/v1/enrolment/lookup');
  await again.click();
  await page.getByLabel('Repeat password').waitFor();
});

test('P-04 a forgotten password: the authenticator stays and is asked for', async (t) => {
  const who = await person({ applications: [await application()] });
  const { enrolment_url } = await call('POST', `/users/${who.id}/enrolment`, { as: await admin() });
  const page = await open(t, null, `#${enrolment_url.split('#')[1]}`);
  await choose(page, PASSWORD);
  await page.getByText('Show that you have it').waitFor();
  assert.equal(await page.locator('.qr').count(), 0);
  await accessible(page, 'enrolment with an authenticator that stays');
  await page.getByLabel('Code from your authenticator').fill(totp(who.totp_secret));
  await page.getByRole('button', { name: 'Finish' }).click();
  await page.getByText('Your new password is set').waitFor();
});
