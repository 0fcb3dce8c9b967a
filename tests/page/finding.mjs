// Finding one thing among many: applications by typing, secrets on one screen, lists under Back, links of mails.

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
  person,
  secret,
  signIn,
  test,
} from './harness.mjs';

test('a manager of many applications finds one by typing', async (t) => {
  const applications = [await application({ called: 'Partner-NL-FarAwayRegistry-DM' })];
  const { organisation_id: owner } = await call('GET', `/applications/${applications[0]}`, { as: await admin() });
  for (let number = 0; number < 6; number += 1) applications.push(await application({ owner }));
  const page = await open(t, await signIn(await person({ applications })), '#/applications');
  const cards = page.getByRole('article');
  await cards.nth(6).waitFor();
  await page.getByLabel('Search by name').fill('faraway');
  await page.waitForFunction(() => document.querySelectorAll('article').length === 1);
  await cards.getByRole('link', { name: 'Partner-NL-FarAwayRegistry-DM' }).click();
  await page.getByRole('heading', { name: 'Partner-NL-FarAwayRegistry-DM' }).waitFor();
  await page.goBack();
  await cards.first().waitFor();
  assert.equal(await page.getByLabel('Search by name').inputValue(), 'faraway', 'Back keeps the search');
  assert.equal(await cards.count(), 1);
});

test('ten secrets fit one screen, a line each, and unfold', async (t) => {
  const who = await manager();
  for (let number = 0; number < 10; number += 1) await secret(who, `System ${number}, Amsterdam`);
  const page = await open(t, who, `#/applications/${who.clientId}`);
  const list = page.locator('.dense-list');
  await list.waitFor();
  const { height } = await list.boundingBox();
  assert.ok(height < 720, `ten secrets are ${height} pixels high`);
  await accessible(page, 'a compact list');
  await fits(page);
  const details = page.getByRole('button', { name: 'Details System 3, Amsterdam' });
  await details.click();
  assert.equal(await details.getAttribute('aria-expanded'), 'true');
  await page.getByRole('article').filter({ hasText: 'System 3' }).getByText('No token in the last 30 days').waitFor();
  await accessible(page, 'an unfolded line');
  await page.getByRole('button', { name: 'Compact list' }).click();
  assert.equal(await list.count(), 0);
  await page.locator('[data-key="dense"]:focus').waitFor();
});

test('in the compact list the name of a suspended secret is read at every width', async (t) => {
  const who = await manager();
  const suspended = { suspended_until: new Date(Date.now() + 86_400_000).toISOString() };
  for (let number = 0; number < 5; number += 1) {
    const { id } = await secret(who, `Laboratory system ${number}, Leiden`);
    await call('PATCH', `/applications/${who.clientId}/secrets/${id}`, { as: who, body: suspended });
  }
  const page = await open(t, who, `#/applications/${who.clientId}`);
  await page.locator('.dense-list').waitFor();
  for (const width of [320, 768, 800, 1024, 1440]) {
    await page.setViewportSize({ width, height: 900 });
    const cut = await page
      .locator('.dense-list h3')
      .evaluateAll((all) => all.filter((one) => one.scrollHeight > one.clientHeight + 1).length);
    assert.equal(cut, 0, `names are cut at ${width}`);
    const narrow = await page
      .locator('.dense-list h3')
      .first()
      .evaluate((one) => one.clientWidth);
    assert.ok(narrow >= 180, `a name has ${narrow} pixels at ${width}`);
    await fits(page, width);
  }
});

test('the link of a mail leads to the secret; what was deleted is said', async (t) => {
  const who = await manager();
  for (let number = 0; number < 5; number += 1) await secret(who, `Number ${number}`);
  const wanted = await secret(who, 'The one in the mail');
  const page = await open(t, who, `#/applications/${who.clientId}/secrets/${wanted.id}`);
  await page.locator('.wanted').getByRole('heading', { name: 'The one in the mail' }).waitFor();
  await page.locator('h3:focus').getByText('The one in the mail', { exact: true }).waitFor();
  assert.ok(await page.locator('.wanted').isVisible());
  await call('DELETE', `/applications/${who.clientId}/secrets/${wanted.id}`, { as: who });
  await page.reload();
  await page.getByText('does not exist any more').waitFor();
});

test('what a system is configured with stands together: client id, tenant, the token URLs of all routes', async (t) => {
  const who = await manager();
  const page = await open(t, who, `#/applications/${who.clientId}`);
  const tenant = demo.tenant_id;
  for (const [name, text] of [
    ['Copy the client id', who.clientId],
    ['Copy the tenant id', tenant],
    ['Copy the token URL', `${demo.base_url}/oauth2/token`],
    ['Copy the token URL for clients of Entra v2.0', `${demo.base_url}/${tenant}/oauth2/v2.0/token`],
    ['Copy the token URL for clients of Entra v1.0', `${demo.base_url}/${tenant}/oauth2/token`],
  ]) {
    await page.getByRole('button', { name, exact: true }).click();
    await page.waitForFunction(async (wanted) => (await navigator.clipboard.readText()) === wanted, text);
  }
});

test('Back shows a long list as far as it was read, at the same place', async (t) => {
  const page = await open(t, await signIn(await person({ role: 'auditor', name: 'Ada Prüfer' })), '#/audit');
  const rows = page.locator('tbody tr');
  await rows.nth(49).waitFor();
  await page.getByRole('button', { name: 'Show more' }).click();
  await page.waitForFunction(() => document.querySelectorAll('tbody tr').length > 50);
  const shown = await rows.count();
  await rows.nth(55).scrollIntoViewIfNeeded();
  await page.waitForFunction(() => scrollY > 500 && history.state?.scroll === scrollY);
  const before = await page.evaluate(() => scrollY);
  assert.ok(before > 500);
  await page.getByRole('link', { name: 'APIs', exact: true }).click();
  await page.getByRole('heading', { name: 'APIs', level: 1 }).waitFor();
  await page.goBack();
  await rows.nth(shown - 1).waitFor();
  assert.ok(Math.abs((await page.evaluate(() => scrollY)) - before) < 200, 'the place is the same');
});

test('the views of the team stand in one line from 1024 pixels on', async (t) => {
  const page = await open(t, await signIn(await person({ role: 'admin', name: 'Wilhelmina van der Meer-Oosterhuis' })));
  await page.getByRole('heading', { name: 'Needs attention' }).waitFor();
  for (const width of [1024, 1152, 1280, 1600]) {
    await page.setViewportSize({ width, height: 800 });
    const tops = await page
      .getByRole('navigation')
      .getByRole('link')
      .evaluateAll((links) => links.map((one) => one.getBoundingClientRect().top));
    assert.equal(new Set(tops).size, 1, `at ${width}`);
    const header = await page.getByRole('banner').boundingBox();
    assert.ok(header.height < 100, `the header is ${header.height} high at ${width}`);
  }
  await page.setViewportSize({ width: 360, height: 800 });
  await page.getByRole('link', { name: 'Audit trail' }).click();
  await page.getByRole('heading', { name: 'Audit trail' }).waitFor();
  const { x, width } = await page.getByRole('link', { name: 'Audit trail' }).boundingBox();
  assert.ok(x >= 0 && x + width <= 360, 'the current view is in sight');
});

test('names of any length fit 360 pixels, in cards, dialogs and lists', async (t) => {
  const who = await manager({ name: 'W'.repeat(60), called: `Partner-NL-${'Long'.repeat(20)}-SMC` });
  await secret(who, 'x'.repeat(120));
  const page = await open(t, who, '#/applications');
  await page.getByRole('article').waitFor();
  await fits(page, 360);
  await page.goto(`${demo.page_url}?2#/applications/${who.clientId}`);
  await page.getByRole('heading', { name: 'Secrets' }).waitFor();
  await fits(page, 360);
  for (const name of ['Delete', 'Rotate']) {
    await page.getByRole('button', { name: new RegExp(`^${name} x`) }).click();
    await fits(page, 360);
    const dialog = page.getByRole('dialog');
    const [content, box] = await dialog.evaluate((one) => [one.scrollWidth, one.clientWidth]);
    assert.ok(content <= box, `${name}: ${content} in ${box}`);
    await page.keyboard.press('Escape');
  }
});

test('a code that is pasted with spaces is taken whole, and a name counts as the server counts', async (t) => {
  const who = await manager();
  const page = await open(t, null, '#/applications');
  await page.getByLabel('Code from your authenticator').focus();
  await page.evaluate(() => navigator.clipboard.writeText(' 453 690 '));
  await page.keyboard.press('Control+V');
  const sent = page.waitForRequest((request) => request.method() === 'POST' && request.url().endsWith('/session'));
  await page.getByLabel('E-mail address').fill(who.email);
  await page.getByLabel('Password').fill('wrong horse battery');
  await page.getByRole('button', { name: 'Sign in' }).click();
  assert.equal((await sent).postDataJSON().totp, '453690');

  const tab = await open(t, who, `#/applications/${who.clientId}`);
  await tab.getByRole('button', { name: 'Create new secret' }).click();
  await tab.getByLabel('Name').fill('😀'.repeat(121));
  await tab.getByRole('button', { name: 'Create secret' }).click();
  await tab.getByText('Use at most 120 characters. This has 121.').waitFor();
  await tab.getByLabel('Name').fill('😀'.repeat(120));
  await tab.getByRole('button', { name: 'Create secret' }).click();
  await tab.getByRole('dialog', { name: 'Your new secret' }).waitFor();
  await copied(tab, 'Copy secret');
});
