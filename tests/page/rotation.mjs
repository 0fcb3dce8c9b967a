// The rotation assistant: its state is the server's, so it survives everything and is the same for everybody.

import assert from 'node:assert/strict';
import {
  accessible,
  call,
  colleague,
  copied,
  demo,
  fits,
  manager,
  open,
  secret,
  sql,
  stored,
  test,
  use,
} from './harness.mjs';

const at = (who) => `#/applications/${who.clientId}`;
const panel = (page, name = 'Rotation in progress') => page.getByRole('region', { name });
const now = (page) => panel(page).locator('[aria-current="step"]').textContent();
const HOUR = 3_600_000;

test('a rotation from beginning to end: seen live, resumed, and the same for two managers', async (t) => {
  const who = await manager();
  const old = await secret(who, 'Search server (Nov 2025)');
  await use(who, old);
  const other = await colleague(who);
  const page = await open(t, who, at(who));
  await page.getByRole('button', { name: 'Rotate Search server' }).click();
  const dialog = page.getByRole('dialog', { name: 'Rotate: create the new secret' });
  await dialog.getByText('still works too').waitFor();
  assert.match(await dialog.getByLabel('Name').inputValue(), /^Search server \([A-Z][a-z]{2,3} \d{4}\)$/);
  await accessible(page, 'rotate');
  await dialog.getByLabel('Name').fill('Search server, next');
  await dialog.getByRole('button', { name: 'Create secret' }).click();
  await copied(page, 'Copy secret');
  const value = await page.evaluate(() => navigator.clipboard.readText());
  await page.getByRole('button', { name: 'Done: wait for its first use' }).click();

  await panel(page).getByText('Waiting for its first use').waitFor();
  assert.match(await now(page), /Use the new secret/);
  await accessible(page, 'rotation, waiting');
  await fits(page);
  const theirs = await open(t, other, at(who));
  await panel(theirs).getByText('Waiting for its first use').waitFor();
  const { items } = await call('GET', `/applications/${who.clientId}/secrets`, { as: who });
  const fresh = items.find((one) => one.replaces === old.id);
  assert.equal(fresh.name, 'Search server, next');

  // Nobody touches either tab: both see the first use.
  await use(who, { id: fresh.id, secret: value }, 'okhttp/5.1.0');
  for (const tab of [page, theirs]) {
    await panel(tab).getByText('The new secret works').waitFor();
    assert.match(await now(tab), /Wait until the old secret is unused/);
  }
  const said = page.locator('#status').getByText('The new secret was used for the first time.', { exact: true });
  await said.waitFor({ state: 'attached' });
  assert.match(await panel(page).textContent(), /by okhttp\/5\.1\.0/);
  await panel(page).getByText('A system may still have it.').waitFor();
  await accessible(page, 'rotation, silence');
  await use(who, old, 'Java/21');
  await page.reload();
  await panel(page).getByText('A system still has it. Give it the new secret too.').waitFor();
  assert.match(await panel(page).textContent(), /by Java\/21/);

  // The guard: whoever deletes the old one now is asked for its name.
  await panel(page).getByRole('button', { name: 'Delete the old secret now' }).click();
  await page.getByRole('dialog').getByText('It is in use.').waitFor();
  await page.getByRole('button', { name: 'Cancel' }).click();

  sql('UPDATE client_secrets SET last_used_at = ? WHERE id = ?', stored(Date.now() - 25 * HOUR), old.id);
  await page.reload();
  await panel(page).getByText('Nothing has used the old secret since').waitFor();
  assert.match(await now(page), /Delete the old secret/);
  await accessible(page, 'rotation, ready');
  await panel(page).getByRole('button', { name: 'Delete the old secret' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete secret' }).click();
  await panel(page, 'Rotation finished').getByText('has taken over').waitFor();
  await accessible(page, 'rotation, finished');
  await panel(page, 'Rotation finished').getByRole('button', { name: 'Close' }).click();
  await panel(page, 'Rotation finished').waitFor({ state: 'detached' });
  assert.deepEqual(
    (await call('GET', `/applications/${who.clientId}/secrets`, { as: who })).items.map((one) => one.id),
    [fresh.id],
  );
});

test('who deletes an old secret that is in use is told what is known, not that nothing stopped', async (t) => {
  const who = await manager();
  const old = await secret(who, 'Old one');
  const fresh = await secret(who, 'New one', { replaces: old.id });
  await use(who, fresh);
  await use(who, old, 'Java/21');
  const page = await open(t, who, at(who));
  await panel(page).getByRole('button', { name: 'Delete the old secret now' }).click();
  await page.getByRole('dialog').getByRole('textbox').fill('Old one');
  await page.getByRole('dialog').getByRole('button', { name: 'Delete secret' }).click();
  const finished = panel(page, 'Rotation finished');
  await finished.getByText('The old secret was still in use when you deleted it').waitFor();
  assert.match(await finished.textContent(), /from 127\.0\.0\.1 by Java\/21/);
  const steps = await finished.getByRole('listitem').allTextContents();
  assert.match(steps[2], /Wait until the old secret is unused, skipped/);
  assert.doesNotMatch(await finished.textContent(), /nothing (has )?(stopped|used)/i);
  await accessible(page, 'rotation, finished too early');
  await fits(page);
});

test('a rotation is given up by deleting the new secret, which nobody uses', async (t) => {
  const who = await manager();
  const old = await secret(who, 'Stays after all');
  await secret(who, 'Never needed', { replaces: old.id });
  const page = await open(t, who, at(who));
  await panel(page).getByRole('button', { name: 'Cancel: delete the new secret' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete secret' }).click();
  await panel(page).waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Rotate Stays after all' }).waitFor();
});

test('an old secret that has expired is an outage until the new one is used', async (t) => {
  const who = await manager();
  const old = await secret(who, 'Too late');
  const fresh = await secret(who, 'At last', { replaces: old.id });
  sql('UPDATE client_secrets SET expires_at = ? WHERE id = ?', stored(Date.now() - HOUR), old.id);
  const page = await open(t, who, at(who));
  await panel(page).getByText('gets no token until the new secret is in use').waitFor();
  await use(who, fresh);
  await panel(page).getByText('The old secret had already expired.').waitFor();
});

test('only a secret of the same application, and one that is there, can be replaced', async () => {
  const [who, stranger] = [await manager(), await manager()];
  const foreign = await secret(stranger, 'Foreign');
  const gone = await secret(who, 'Gone');
  await call('DELETE', `/applications/${who.clientId}/secrets/${gone.id}`, { as: who });
  for (const replaces of [foreign.id, gone.id, '00000000-0000-4000-8000-000000000000']) {
    const answer = await fetch(`${demo.base_url}/api/v1/applications/${who.clientId}/secrets`, {
      method: 'POST',
      headers: {
        Cookie: `__Host-wmda-session=${who.cookie}`,
        'X-CSRF-Token': who.csrf,
        'Content-Type': 'application/json',
      },
      body: JSON.stringify({ name: 'New', expires_at: new Date(Date.now() + HOUR * 24).toISOString(), replaces }),
    });
    assert.equal(answer.status, 400);
    assert.match((await answer.json()).detail, /replaces must be the id of a secret of this application/);
  }
});
