// The WMDA team's views.

import assert from 'node:assert/strict';
import {
  accessible,
  admin,
  application,
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
} from './harness.mjs';

const heading = (page, name) => page.getByRole('heading', { name, level: 1 }).waitFor();
const row = (page, text) => page.getByRole('row').filter({ hasText: text });

test('an admin sets up a member: organisation, application, permission, person, manager', async (t) => {
  const page = await open(t, await signIn(await person({ role: 'admin', name: 'Wim Bakker' })));
  await heading(page, 'Needs attention');
  await page.getByRole('link', { name: 'Organisations' }).click();
  await heading(page, 'Organisations');
  await accessible(page, 'organisations');
  await fits(page);
  await page.getByRole('button', { name: 'New organisation' }).click();
  await page.getByRole('button', { name: 'Create organisation' }).click();
  await page.getByText('Enter its name.').waitFor();
  await page.getByLabel('Name', { exact: true }).fill('Fjord <b>Registry</b>');
  await page.getByLabel('Country').fill('no');
  await accessible(page, 'new organisation');
  await page.getByRole('button', { name: 'Create organisation' }).click();
  await heading(page, 'Fjord <b>Registry</b>');
  await page.getByText('Norway (NO)').waitFor();
  await accessible(page, 'an organisation');
  await fits(page);

  await page.getByRole('link', { name: 'Applications' }).click();
  await heading(page, 'Applications');
  await accessible(page, 'applications of the team');
  await page.getByLabel('Search by name').fill('SampleCentre-DM');
  await page.getByRole('link', { name: 'Partner-DE-SampleCentre-DM' }).waitFor();
  await page.getByRole('link', { name: 'Partner-NL-ExampleRegistry-SMC' }).waitFor({ state: 'detached' });
  await page.getByLabel('Search by name').fill('there is none like this');
  await page.getByText('No application fits').waitFor();
  await page.getByRole('button', { name: 'New application' }).click();
  await page.getByLabel('Organisation', { exact: true }).selectOption({ label: 'Fjord <b>Registry</b> (NO)' });
  await page.getByLabel('Short name of the organisation').fill('FjordRegistry');
  await page.getByText('Partner-NO-FjordRegistry-SMC').waitFor();
  await accessible(page, 'new application');
  await page.getByRole('button', { name: 'Create application' }).click();
  await heading(page, 'Partner-NO-FjordRegistry-SMC');
  await page.getByText('Nobody can sign in to manage it.').waitFor();
  assert.equal(await page.getByRole('button', { name: 'Create new secret' }).count(), 0, 'an admin creates no secret');

  await page.getByRole('button', { name: 'Give access' }).click();
  await page.getByLabel('API', { exact: true }).selectOption({ label: 'Match-Connect (sandbox)' });
  await page.getByLabel('Search.Write').uncheck();
  await accessible(page, 'grant');
  await page.getByRole('dialog').getByRole('button', { name: 'Give access' }).click();
  await page.getByRole('region', { name: 'APIs it may call' }).getByText('Search.Read').waitFor();
  assert.equal(await page.getByText('Search.Write').count(), 0);

  await page.getByRole('button', { name: 'Add manager' }).click();
  await page.getByText('Add a person first.').waitFor();
  await page.getByRole('dialog').getByRole('link', { name: 'People' }).click();
  await heading(page, 'People');
  await accessible(page, 'people');
  await fits(page);
  await page.getByRole('button', { name: 'Add a person' }).click();
  await page.getByLabel('E-mail address', { exact: true }).fill('ingrid@fjord.example');
  await page.getByLabel('Name', { exact: true }).fill('Ingrid Dahl');
  await page.getByRole('dialog').getByLabel('Organisation').selectOption({ label: 'Fjord <b>Registry</b>' });
  await page.getByLabel('Send the enrolment link').uncheck();
  await accessible(page, 'add a person');
  await page.getByRole('button', { name: 'Add person' }).click();
  const shown = page.getByRole('dialog', { name: 'Enrolment link' });
  await shown.getByText('It will not be shown again.').waitFor();
  await accessible(page, 'enrolment link');
  const link = await shown.locator('.value').textContent();
  assert.match(link, /\/manage-api-credentials#token=[\w-]{43}$/);
  await page.keyboard.press('Escape');
  await page.getByRole('dialog', { name: 'Leave without the link?' }).getByRole('button', { name: 'Go back' }).click();
  await shown.getByRole('button', { name: 'Copy link' }).click();
  await shown.getByText('Copied', { exact: true }).waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), link);
  await shown.getByRole('button', { name: 'Done' }).click();
  assert.ok(!(await page.content()).includes(link));

  await page.goBack();
  await heading(page, 'Partner-NO-FjordRegistry-SMC');
  await page.getByRole('button', { name: 'Add manager' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Add manager' }).click();
  await page.getByText('Enter who confirmed it.').waitFor();
  await page.getByLabel('Confirmed by').fill('Director Olsen');
  await accessible(page, 'assign');
  await page.getByRole('dialog').getByRole('button', { name: 'Add manager' }).click();
  await page.getByText('confirmed by Director Olsen').waitFor();
  // Whoever has not enrolled can't sign in.
  await page.getByText('Not enrolled yet').waitFor();
  await page.getByText('Nobody can sign in to manage it.').waitFor();

  await page.getByRole('button', { name: 'Remove manager Ingrid Dahl' }).click();
  await page.getByRole('button', { name: 'Remove manager', exact: true }).click();
  await page.getByText('confirmed by Director Olsen').waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Remove access Match-Connect (sandbox)' }).click();
  await accessible(page, 'take away');
  await page.getByRole('button', { name: 'Remove access', exact: true }).click();
  await page.getByText('None yet. The WMDA team gives access.').waitFor();
  await page.getByRole('button', { name: 'Disable application' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Disable' }).click();
  await page.getByText('This application is disabled').waitFor();
  await page.getByRole('button', { name: 'Enable application' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Enable' }).click();
  await page.getByText('This application is disabled').waitFor({ state: 'detached' });
});

test('an admin changes a person, makes a new link, and disables; an organisation too', async (t) => {
  const who = await manager({ name: 'Paula Weber' });
  const page = await open(t, await signIn(await person({ role: 'admin', name: 'Wim Bakker' })), '#/people');
  await page.getByLabel('Search people').fill(who.email);
  const change = page.getByRole('button', { name: 'Change Paula Weber' });
  await row(page, 'Wim Bakker').first().waitFor({ state: 'detached' });
  await change.click();
  await accessible(page, 'change a person');
  await page.getByLabel('Auditor').check();
  await page.getByLabel('Name', { exact: true }).fill(' ');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Enter the name of the person.').waitFor();
  await page.getByLabel('Name', { exact: true }).fill('Paula Maier');
  await page.getByRole('button', { name: 'Save' }).click();
  await row(page, who.email)
    .getByText('Auditor, Credential manager')
    .or(row(page, who.email).getByText('Credential manager, Auditor'))
    .waitFor();
  await page.getByRole('button', { name: 'Change Paula Maier' }).click();
  await page.getByRole('button', { name: 'New enrolment link' }).click();
  await page.getByLabel('Send the link by e-mail').uncheck();
  await page.getByRole('button', { name: 'Make a link' }).click();
  await page.getByRole('button', { name: 'Copy link' }).click();
  await page.getByRole('dialog', { name: 'Enrolment link' }).getByRole('button', { name: 'Done' }).click();
  await page.getByRole('button', { name: 'Disable' }).click();
  const question = page.getByRole('dialog', { name: 'Disable this person?' });
  await question.getByRole('button', { name: 'Cancel' }).click();
  assert.equal((await call('GET', `/users/${who.id}`, { as: await admin() })).enabled, true, 'it asks first');
  await page.getByRole('button', { name: 'Disable' }).click();
  await question.getByRole('button', { name: 'Disable' }).click();
  await row(page, who.email).getByText('Disabled').waitFor();
  const answer = await fetch(`${demo.base_url}/api/v1/session`, {
    headers: { Cookie: `__Host-wmda-session=${who.cookie}` },
  });
  assert.equal(answer.status, 401);

  const { organisation_name: organisation } = await call('GET', `/applications/${who.clientId}`, { as: await admin() });
  await page.goto(`${demo.page_url}#/organisations`);
  await page.getByLabel('Search organisations').fill(organisation);
  await page.getByRole('link', { name: organisation, exact: true }).click();
  await heading(page, organisation);
  await page.getByRole('row').filter({ hasText: who.clientId }).getByRole('link').waitFor();
  await row(page, who.email).getByText('Disabled').waitFor();
  await page.getByRole('button', { name: 'Disable organisation' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Disable' }).click();
  await page.getByText('This organisation is disabled.').waitFor();
  await row(page, 'Organisation disabled').getByText(organisation).waitFor();
  await page.getByRole('button', { name: 'Change' }).click();
  await page.getByLabel('Name', { exact: true }).fill(`${organisation} renamed`);
  await page.getByRole('button', { name: 'Save' }).click();
  await heading(page, `${organisation} renamed`);
  await row(page, 'Organisation changed').first().waitFor();
});

test('needs attention: expiring secrets and thinly managed applications, the most urgent first', async (t) => {
  const who = await manager();
  const name = '<i>Ends</i> soon';
  const ending = await secret(who, name);
  sql('UPDATE client_secrets SET expires_at = ? WHERE id = ?', stored(Date.now() + 2.5 * 86_400_000), ending.id);
  const tried = await secret(who, 'Tried too late');
  sql(
    'UPDATE client_secrets SET expires_at = ?, tried_after_expiry_at = ? WHERE id = ?',
    stored(Date.now() - 86_400_000),
    stored(Date.now() - 4_000_000),
    tried.id,
  );
  const off = await application();
  await call('PATCH', `/applications/${off}`, { as: await admin(), body: { enabled: false } });
  const page = await open(t, await signIn(await person({ role: 'auditor', name: 'Ada Prüfer' })));
  await heading(page, 'Needs attention');
  const first = page.getByRole('listitem').filter({ hasText: name });
  await first.getByText('2 days left').waitFor();
  await page.getByRole('listitem').filter({ hasText: 'Tried too late' }).getByText('1 hour ago').waitFor();
  // The least urgent group is folded when it is long, so that it drowns nothing.
  for (const one of await page.locator('details.folded summary').all()) await one.click();
  const order = await page.getByRole('main').getByRole('listitem').allTextContents();
  const place = (text) => order.findIndex((one) => one.includes(text));
  assert.ok(place('Tried too late') < place(name) && place(name) < place('can sign in'), 'the most urgent first');
  await page.getByRole('heading', { name: 'Fewer than two managers' }).waitFor();
  const hrefs = await page
    .getByRole('main')
    .getByRole('link')
    .evaluateAll((links) => links.map((one) => one.hash));
  assert.equal(hrefs.filter((one) => one.includes(who.clientId)).length, 3, 'its secrets, and that it has one manager');
  assert.ok(!hrefs.some((one) => one.includes(off)), 'what is disabled needs no attention');
  await accessible(page, 'needs attention');
  await fits(page);
});

test('an auditor sees everything and is offered no change', async (t) => {
  const who = await manager();
  await secret(who, 'Seen');
  const page = await open(
    t,
    await signIn(await person({ role: 'auditor', name: 'Ada Prüfer' })),
    `#/applications/${who.clientId}`,
  );
  await page.getByText('Seen', { exact: true }).waitFor();
  for (const [hash, title] of [
    ['apis', 'APIs'],
    ['people', 'People'],
    ['organisations', 'Organisations'],
    ['applications', 'Applications'],
  ]) {
    const buttons = await page.getByRole('main').getByRole('button').allTextContents();
    assert.deepEqual(
      buttons.filter((one) => !/^Copy|^Show more/.test(one)),
      [],
    );
    await page.goto(`${demo.page_url}#/${hash}`);
    await heading(page, title);
    await accessible(page, `${title} for an auditor`);
    await fits(page);
  }
});

test('the audit trail is filtered, and goes on where it ended', async (t) => {
  const who = await manager();
  await secret(who, 'Recorded');
  const page = await open(t, await signIn(await person({ role: 'auditor', name: 'Ada Prüfer' })), '#/audit');
  await heading(page, 'Audit trail');
  await accessible(page, 'audit trail');
  await fits(page);
  const rows = page.locator('tbody tr');
  assert.equal(await rows.count(), 50);
  await page.getByRole('button', { name: 'Show more' }).click();
  await page.waitForFunction(() => document.querySelectorAll('tbody tr').length > 50);
  await page.getByLabel('What').selectOption({ label: 'Secret created' });
  await page.getByLabel('Who').fill(who.email);
  await page.getByRole('button', { name: 'Filter' }).click();
  await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 1);
  const { name } = await call('GET', `/applications/${who.clientId}`, { as: who });
  await rows.first().getByRole('link', { name }).waitFor();
  await page.getByLabel('Result').selectOption('denied');
  await page.getByRole('button', { name: 'Filter' }).click();
  await page.getByText('No event fits these filters.').waitFor();
  await page.getByRole('button', { name: 'Clear' }).click();
  await rows.nth(10).waitFor();
  await rows.first().getByRole('button', { name: 'Signed in' }).click();
  await page.waitForFunction(() =>
    [...document.querySelectorAll('tbody tr')].every((one) => one.textContent.includes('Signed in')),
  );
});
