// The WMDA team at many organisations: a report with filters, what is put off, an application's history, names for ids.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import {
  accessible,
  admin,
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

const heading = (page, name) => page.getByRole('heading', { name, level: 1 }).waitFor();
const rows = (page) => page.locator('tbody tr');

test('the report of secrets is filtered and saved as a file that no spreadsheet takes for formulas', async (t) => {
  const who = await manager();
  const { organisation_name: organisation } = await call('GET', `/applications/${who.clientId}`, { as: who });
  const soon = await secret(who, '=1+1', { days: 20 });
  await secret(who, 'Later', { days: 200 });
  await use(who, soon);
  const page = await open(t, await signIn(await person({ role: 'auditor', name: 'Ada Prüfer' })), '#/report');
  await heading(page, 'Secrets');
  await accessible(page, 'the report of secrets');
  await fits(page);
  await page.getByLabel('Organisation').selectOption({ label: organisation });
  await page.getByRole('button', { name: 'Filter' }).click();
  await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 2);
  await page.getByLabel('Never used').check();
  await page.getByRole('button', { name: 'Filter' }).click();
  await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 1);
  await rows(page).getByRole('link', { name: 'Later' }).waitFor();
  await page.getByLabel('Never used').uncheck();
  await page.getByLabel('Expires on or before').fill(new Date(Date.now() + 30 * 86_400_000).toISOString().slice(0, 10));
  await page.getByRole('button', { name: 'Filter' }).click();
  await rows(page).getByRole('link', { name: '=1+1' }).waitFor();
  await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 1);
  const saved = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Download as CSV' }).click();
  const file = await readFile(await (await saved).path(), 'utf8');
  const lines = file.trim().split('\r\n');
  assert.equal(lines.length, 2);
  assert.match(lines[1], /,'=1\+1,/);
  assert.match(lines[1], new RegExp(soon.expires_at.slice(0, 10)), 'the day in the file is the day that was chosen');
  await rows(page).getByRole('link').click();
  await page.locator('.wanted').waitFor();
});

test('nobody waits for a list before the next filter or the file', async (t) => {
  const who = await manager();
  const { organisation_name: organisation } = await call('GET', `/applications/${who.clientId}`, { as: who });
  await secret(who, 'Only this');
  const page = await open(t, await signIn(await person({ role: 'auditor', name: 'Ada Prüfer' })), '#/report');
  await heading(page, 'Secrets');
  // The list of everything comes last, long after it was asked for, and fails at first.
  let asked = 0;
  let release;
  const saved = new Promise((done) => {
    release = done;
  });
  await page.route(/reports\/secrets\?limit/, async (route) => {
    asked += 1;
    if (asked === 1) {
      await new Promise((done) => setTimeout(done, 3000));
      return route.abort();
    }
    await saved;
    return route.continue();
  });
  await page.getByRole('button', { name: 'Clear' }).click();
  await page.getByLabel('Organisation').selectOption({ label: organisation });
  await page.getByRole('button', { name: 'Filter' }).click();
  await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 1);
  await page.waitForTimeout(3000);
  assert.equal(await page.getByRole('alert').filter({ hasText: /./ }).count(), 0, 'of what nobody waits for');
  await rows(page).getByRole('link', { name: 'Only this' }).waitFor();
  await page.getByRole('button', { name: 'Clear' }).click();
  const file = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Download as CSV' }).click();
  await (await file).path();
  release();
  await page.waitForFunction(() => document.querySelectorAll('tbody tr').length > 1);
});

test('a key in the report is called one, and leads to its application', async (t) => {
  const { client_id: clientId, name } = demo.key_clients[0];
  const page = await open(t, await signIn(await person({ role: 'auditor', name: 'Ada Prüfer' })), '#/report');
  const { organisation_name: organisation } = await call('GET', `/applications/${clientId}`, { as: await admin() });
  await page.getByLabel('Organisation').selectOption({ label: organisation });
  await page.getByRole('button', { name: 'Filter' }).click();
  const key = rows(page).filter({ hasText: name });
  await key.getByText('Key', { exact: true }).waitFor();
  await key.getByRole('link').click();
  await page.getByRole('heading', { name, level: 1 }).waitFor();
  assert.equal(new URL(page.url()).hash, `#/applications/${clientId}`);
  assert.equal(await page.getByText('it was deleted').count(), 0);
});

test('the report marks what has expired', async (t) => {
  const who = await manager();
  const { organisation_name: organisation } = await call('GET', `/applications/${who.clientId}`, { as: who });
  const over = await secret(who, 'Over');
  await secret(who, 'Works');
  sql('UPDATE client_secrets SET expires_at = ? WHERE id = ?', stored(Date.now() - 86_400_000), over.id);
  const page = await open(t, await signIn(await person({ role: 'auditor', name: 'Ada Prüfer' })), '#/report');
  await page.getByLabel('Organisation').selectOption({ label: organisation });
  await page.getByRole('button', { name: 'Filter' }).click();
  await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 2);
  assert.deepEqual(await rows(page).getByText('Expired', { exact: true }).count(), 1);
  await rows(page).filter({ hasText: 'Over' }).getByText('Expired', { exact: true }).waitFor();
  await accessible(page, 'the report with an expired secret');
  await fits(page);
});

test('of an organisation the team reads how many managers can sign in, and who has not enrolled', async (t) => {
  const who = await manager({ name: 'Paula Weber' });
  const as = await admin();
  const { organisation_id } = await call('GET', `/applications/${who.clientId}`, { as });
  const invited = { email: `invited.${Date.now()}@amstel.example`, display_name: 'Not Yet', organisation_id };
  const user = await call('POST', '/users', { as, body: { ...invited, roles: ['credential_manager'] } });
  const body = { user_id: user.id, confirmed_by: 'The board' };
  await call('POST', `/applications/${who.clientId}/managers`, { as, body });
  const page = await open(t, await signIn(await person({ role: 'auditor' })), `#/organisations/${organisation_id}`);
  const managers = page.getByRole('row').filter({ hasText: who.clientId }).locator('[data-heading="Managers"]');
  assert.equal(await managers.textContent(), '1');
  await page.getByRole('row').filter({ hasText: 'Not Yet' }).getByText('Not enrolled yet').waitFor();
  const enrolled = page.getByRole('row').filter({ hasText: who.email });
  assert.equal(await enrolled.getByText('Not enrolled yet').count(), 0);
});

test('an application with one manager is put off, and does not come back with the others', async (t) => {
  const who = await manager();
  const { organisation_name: organisation, name } = await call('GET', `/applications/${who.clientId}`, { as: who });
  const page = await open(t, await signIn(await person({ role: 'admin', name: 'Wim Bakker' })), '#/attention');
  await heading(page, 'Needs attention');
  for (const one of await page.locator('details.folded summary').all()) await one.click();
  await page.getByRole('button', { name: `Remind in 30 days ${organisation}`, exact: true }).click();
  await page.getByText('Hidden for 30 days.').first().waitFor();
  await page.getByText(/hidden until later/).waitFor();
  await page.locator('h1:focus').waitFor();
  for (const one of await page.locator('details.folded summary').all()) await one.click();
  assert.equal(await page.getByRole('link', { name, exact: true }).count(), 0);
});

test('a manager reads who created and deleted what, by names', async (t) => {
  const who = await manager();
  const gone = await secret(who, 'Made and deleted');
  await call('DELETE', `/applications/${who.clientId}/secrets/${gone.id}`, { as: who });
  const page = await open(t, who, `#/applications/${who.clientId}`);
  await page.getByText('Show who changed what').click();
  const deleted = page.getByRole('row').filter({ hasText: 'Secret deleted' });
  await deleted.getByText('Made and deleted').waitFor();
  await deleted.getByText(who.email).waitFor();
  await page.getByRole('row').filter({ hasText: 'Secret created' }).waitFor();
  await page.getByRole('row').filter({ hasText: 'Manager added' }).waitFor();
  await accessible(page, 'the history of an application');
  await fits(page);
});

test('a history that is opened again is read again', async (t) => {
  const who = await manager();
  const gone = await secret(who, 'Deleted meanwhile');
  const page = await open(t, who, `#/applications/${who.clientId}`);
  const summary = page.getByText('Show who changed what');
  await summary.click();
  await page.getByRole('row').filter({ hasText: 'Secret created' }).waitFor();
  await call('DELETE', `/applications/${who.clientId}/secrets/${gone.id}`, { as: who });
  await summary.click();
  await summary.click();
  await page.getByRole('row').filter({ hasText: 'Secret deleted' }).waitFor();
});

test('an audit event is found by name or client id, and names what was deleted', async (t) => {
  const who = await manager();
  const gone = await secret(who, 'Named in the trail');
  await call('DELETE', `/applications/${who.clientId}/secrets/${gone.id}`, { as: who });
  const { name } = await call('GET', `/applications/${who.clientId}`, { as: who });
  const page = await open(t, await signIn(await person({ role: 'auditor', name: 'Ada Prüfer' })), '#/audit');
  await heading(page, 'Audit trail');
  for (const wanted of [who.clientId, name]) {
    await page.getByLabel('Name or id').fill(wanted);
    await page.getByRole('button', { name: 'Filter' }).click();
    const row = page.getByRole('row').filter({ hasText: 'Secret deleted' });
    await row.getByText('Named in the trail').waitFor();
    await row.getByRole('link', { name }).waitFor();
    await page.getByRole('button', { name: 'Clear' }).click();
  }
});

test('the team finds an application by client id, organisation or secret hint, and a person by name', async (t) => {
  const who = await manager({ name: 'Quirine Zoekbaar' });
  const made = await secret(who, 'Hinted');
  const { name, organisation_name: organisation } = await call('GET', `/applications/${who.clientId}`, { as: who });
  const page = await open(t, await signIn(await person({ role: 'auditor', name: 'Ada Prüfer' })), '#/applications');
  await heading(page, 'Applications');
  for (const wanted of [who.clientId, organisation, made.hint]) {
    await page.getByRole('searchbox').fill(wanted);
    await page.getByRole('article').filter({ hasText: name }).first().waitFor();
  }
  await page.getByRole('link', { name: 'People' }).click();
  await heading(page, 'People');
  await page.getByRole('searchbox').fill('zoekbaar');
  await page.getByRole('row').filter({ hasText: who.email }).waitFor();
});
