// Applications and their secrets: seeing, creating, deleting; with names that mean no good.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import {
  accessible,
  admin,
  call,
  colleague,
  copied,
  demo,
  fits,
  inAYear,
  inDays,
  manager,
  open,
  secret,
  sql,
  stored,
  test,
  use,
} from './harness.mjs';

const DAY = 86_400_000;
const at = (who) => `#/applications/${who.clientId}`;
const list = async (who) => (await call('GET', `/applications/${who.clientId}/secrets`, { as: who })).items;
const card = (page, text) => page.getByRole('article').filter({ hasText: text });
/** A secret of any name: direction marks are refused by the server, and older databases may hold them. */
const named = async (who, name) => {
  const made = await secret(who, 'Renamed');
  sql('UPDATE client_secrets SET name = ? WHERE id = ?', name, made.id);
  return made;
};
const ends = (id, days) =>
  sql('UPDATE client_secrets SET expires_at = ? WHERE id = ?', stored(Date.now() + days * DAY), id);

test('an application without a secret says what to do, and nudges for a second manager', async (t) => {
  const who = await manager();
  const page = await open(t, who);
  const mine = page.getByRole('article');
  await mine.getByText('No secret yet').waitFor();
  await mine.getByText('Fewer than two managers can sign in.').waitFor();
  await mine.getByText('Sandbox', { exact: true }).waitFor();
  await accessible(page, 'applications');
  await fits(page);
  await mine.getByRole('button', { name: 'Copy the client id' }).click();
  await page.getByText('Copied', { exact: true }).waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), who.clientId);
  await mine.getByRole('link').click();
  await page.getByText('The application can call no API until it has a secret or a key.').waitFor();
  await page.getByText('Only one person can sign in to manage it.').waitFor();
  await page.getByText('Search & Match').first().waitFor();
  await accessible(page, 'application without secrets');
});

test('a secret is created with the keyboard alone, and its value is there once', async (t) => {
  const who = await manager();
  const page = await open(t, who);
  await page.getByRole('article').getByRole('link').press('Enter');
  await page.getByRole('button', { name: 'Create new secret' }).focus();
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog', { name: 'Create new secret' });
  await dialog.waitFor();
  await accessible(page, 'create');
  await fits(page);
  await page.keyboard.press('Enter');
  await page.getByText('Give it a name.').waitFor();
  await accessible(page, 'create refused');
  await page.keyboard.type('Search server, Amsterdam');
  assert.ok(await dialog.getByRole('radio', { name: '1 year' }).isChecked(), 'a year is the default');
  assert.equal(
    await dialog.getByLabel('Last day').inputValue(),
    await dialog.getByLabel('Last day').getAttribute('max'),
  );
  await dialog.getByText('One year is the maximum').waitFor();
  await page.keyboard.press('Tab');
  await page.keyboard.press('ArrowLeft');
  assert.ok(await dialog.getByRole('radio', { name: '1 week' }).isChecked());
  await dialog.getByText('for tests only').waitFor();
  await page.keyboard.press('ArrowRight');
  assert.equal(await dialog.getByText('for tests only').count(), 0);
  await page.keyboard.press('Enter');

  const shown = page.getByRole('dialog', { name: 'Your new secret' });
  await shown.getByText('it will not be shown again').waitFor();
  await accessible(page, 'value');
  await fits(page);
  const value = await shown.locator('[data-secret-value]').textContent();
  const [made] = await list(who);
  assert.equal(value.slice(0, 3), made.hint);
  assert.equal(made.expires_at.slice(0, 10), inAYear());

  // Leaving without it asks first; and asks again.
  for (const leave of [
    () => page.keyboard.press('Escape'),
    () => shown.getByRole('button', { name: 'Done' }).click(),
    () => page.goBack(),
  ]) {
    await leave();
    const question = page.getByRole('dialog', { name: 'Leave without the secret?' });
    await question.waitFor();
    await question.getByRole('button', { name: 'Go back' }).click();
    await shown.waitFor();
  }
  await shown.getByRole('button', { name: 'Copy secret' }).click();
  await shown.getByText('Copied', { exact: true }).waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), value);
  await page.keyboard.press('Escape');
  await shown.waitFor({ state: 'detached' });
  await card(page, 'Search server, Amsterdam').getByText('Never used').waitFor();
  assert.ok(!(await page.content()).includes(value), 'Z-04 the value is nowhere on the page any more');
  await page.reload();
  await card(page, 'Search server, Amsterdam').waitFor();
  assert.ok(!(await page.content()).includes(value));
});

test('the test command works when pasted, and the .env file holds what a system needs', async (t) => {
  const who = await manager({ resources: demo.clients[0].resources });
  const page = await open(t, who, at(who));
  await page.getByRole('button', { name: 'Create new secret' }).click();
  await page.getByLabel('Name').fill('Pasted');
  await page.getByRole('button', { name: 'Create secret' }).click();
  await page.getByText('Test it with curl').click();
  await page.getByLabel('API', { exact: true }).selectOption({ index: 1 });
  await accessible(page, 'value with its test');
  await page.getByRole('button', { name: 'Copy command' }).click();
  const command = await page.evaluate(() => navigator.clipboard.readText());
  const answer = JSON.parse(
    execFileSync('bash', ['-c', command], {
      env: { ...process.env, CURL_CA_BUNDLE: demo.ca_file },
      stdio: ['ignore', 'pipe', 'ignore'],
    }),
  );
  assert.equal(answer.token_type, 'Bearer');
  const saved = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Download as .env' }).click();
  const file = await readFile(await (await saved).path(), 'utf8');
  const lines = Object.fromEntries(
    file
      .split('\n')
      .filter((one) => one.includes('='))
      .map((one) => one.split('=')),
  );
  assert.equal(lines.WMDA_CLIENT_ID, who.clientId);
  assert.equal(lines.WMDA_CLIENT_SECRET, await page.locator('[data-secret-value]').textContent());
  assert.equal(lines.WMDA_TOKEN_URL, `${demo.base_url}/oauth2/token`);
});

test('an expiry that the server would refuse is refused in the form', async (t) => {
  const who = await manager();
  const page = await open(t, who, at(who));
  await page.getByRole('button', { name: 'Create new secret' }).click();
  await page.getByLabel('Name').fill('Too long');
  for (const [days, words] of [
    [400, 'or an earlier day'],
    [-2, 'This day is over'],
  ]) {
    await page.getByLabel('Last day').fill(inDays(days));
    await page.getByRole('button', { name: 'Create secret' }).click();
    await page.getByText(words).waitFor();
  }
  assert.deepEqual(await list(who), []);
});

test('the form offers no longer life than the policy of the organisation allows', async (t) => {
  const who = await manager();
  const as = await admin();
  const { organisation_id } = await call('GET', `/applications/${who.clientId}`, { as });
  await call('PATCH', `/organisations/${organisation_id}/policy`, { as, body: { max_lifetime_days: 90 } });
  const page = await open(t, who, at(who));
  await page.getByRole('button', { name: 'Create new secret' }).click();
  const dialog = page.getByRole('dialog', { name: 'Create new secret' });
  assert.ok(await dialog.getByRole('radio', { name: '90 days' }).isChecked());
  assert.equal(await dialog.getByLabel('Last day').inputValue(), inDays(90));
  assert.equal(await dialog.getByRole('radio', { name: '1 year' }).count(), 0);
  await dialog.getByText('90 days is the maximum for your organisation.').waitFor();
  await dialog.getByLabel('Name').fill('Short-lived');
  await dialog.getByRole('button', { name: 'Create secret' }).click();
  await copied(page, 'Copy secret');
  const [made] = await list(who);
  assert.equal(made.expires_at.slice(0, 10), inDays(90));
});

test('the list tells by words what is urgent, who uses what, and what was never used', async (t) => {
  const who = await manager();
  const [far, soon, over] = [await secret(who, 'Far'), await secret(who, 'Soon'), await secret(who, 'Over')];
  await use(who, soon, 'MSAL.Python/1.34.0');
  const day = new Date(Date.now() - 3 * DAY).toISOString().slice(0, 10);
  sql('INSERT INTO token_counts (secret_id, day, tokens) VALUES (?, ?, ?)', soon.id, day, 1500);
  ends(soon.id, 12.5);
  ends(over.id, -2.5);
  const page = await open(t, who, at(who));
  await card(page, 'Soon').getByText('Expires in 12 days').waitFor();
  await card(page, 'Over').getByText('Expired 2 days ago').waitFor();
  await card(page, 'Far').getByText('Active').waitFor();
  assert.deepEqual(
    await page.locator('.secret h3').allTextContents(),
    ['Over', 'Soon', 'Far'],
    'the most urgent first',
  );
  const used = await card(page, 'Soon').textContent();
  assert.match(used, /Last usedjust now.* from 127\.0\.0\.1 by MSAL\.Python\/1\.34\.0/);
  assert.match(used, /1,501 tokens in 30 days/);
  assert.equal(
    await card(page, 'Soon').getByRole('img').getAttribute('aria-label'),
    'Tokens per day: 1,501 tokens in 30 days, on 2 days, at most 1,500 on one day',
  );
  await card(page, 'Far').getByText('Never used').waitFor();
  await card(page, 'Far').getByText('No token in the last 30 days').waitFor();
  assert.match(await card(page, 'Far').textContent(), new RegExp(`begins with ${far.hint}`));
  const time = card(page, 'Far').locator('time').first();
  assert.match(await time.getAttribute('title'), /^\d{4}-\d\d-\d\d 23:59:59 UTC$/);
  await accessible(page, 'application with secrets');
  await fits(page);
  await page.emulateMedia({ forcedColors: 'active' });
  await card(page, 'Soon').getByText('Expires in 12 days').waitFor();
  await page.emulateMedia({ forcedColors: 'none', media: 'print' });
  assert.ok(!(await page.getByRole('button', { name: 'Create new secret' }).isVisible()), 'paper has no buttons');
  assert.ok(await card(page, 'Soon').isVisible());
});

test('what was mailed about a secret is shown, and use after its expiry', async (t) => {
  const who = await manager();
  const late = await secret(who, 'Late');
  ends(late.id, -1);
  sql(
    'INSERT INTO reminders (secret_id, threshold_days, recipient, kind, suppressed, at) VALUES (?, 14, ?, ?, TRUE, ?)',
    late.id,
    'reader@amstel.example',
    'reminder',
    stored(Date.now() - 9 * DAY),
  );
  const answer = await fetch(`${demo.base_url}/oauth2/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: who.clientId,
      client_secret: late.secret,
    }),
  });
  assert.equal(answer.status, 401);
  for (let attempt = 0; attempt < 100 && !(await list(who))[0].tried_after_expiry_at; attempt += 1) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const page = await open(t, who, at(who));
  await card(page, 'Late').getByText('Expired, but a system still tried it').waitFor();
  await card(page, 'Late').getByText('E-mails about it (1)').click();
  await card(page, 'Late').getByText('Reminder 14 days before').waitFor();
  assert.match(await card(page, 'Late').textContent(), /to reader@amstel\.example: not sent any more/);
  await accessible(page, 'mails, and tried after its expiry');
});

test('names are text, whatever they hold', async (t) => {
  const who = await manager();
  const hostile = [
    '<img src=x onerror=alert(1)>',
    '<script>document.title="owned"</script>',
    '"><svg onload=alert(1)>',
    '\u202eterces live\u202c',
    '{{constructor.constructor("alert(1)")()}}',
    'x'.repeat(120),
  ];
  for (const name of hostile) await named(who, name);
  const page = await open(t, who, at(who));
  page.on('dialog', () => assert.fail('a name has run'));
  await card(page, hostile[0]).waitFor();
  const names = await page.locator('.secret h3 bdi').allTextContents();
  assert.deepEqual([...names].sort(), [...hostile].sort());
  assert.equal(await page.locator('.secret img, .secret script').count(), 0);
  await accessible(page, 'hostile names');
  await fits(page);
  for (const name of [hostile[0], hostile[3]]) {
    await card(page, name).getByRole('button', { name: 'Delete' }).click();
    const dialog = page.getByRole('dialog', { name: 'Delete this secret?' });
    assert.equal(await dialog.locator('.target bdi').textContent(), name);
    await dialog.getByRole('button', { name: 'Delete secret' }).click();
    await card(page, name).waitFor({ state: 'detached' });
  }
  assert.match(await page.title(), /^Partner-/);
});

test('deleting what is not in use asks once and says that it can’t be undone', async (t) => {
  const who = await manager();
  const gone = await secret(who, 'Spare');
  await secret(who, 'Stays');
  const page = await open(t, who, at(who));
  await card(page, 'Spare').getByRole('button', { name: 'Delete' }).click();
  const dialog = page.getByRole('dialog', { name: 'Delete this secret?' });
  await dialog.getByText('It was never used.').waitFor();
  await accessible(page, 'delete');
  await fits(page);
  await page.keyboard.press('Enter');
  await dialog.waitFor({ state: 'detached' });
  assert.equal((await list(who)).length, 2, 'Enter alone cancels');
  await page.keyboard.press('Enter');
  await dialog.getByRole('button', { name: 'Delete secret' }).click();
  await page.getByText('“Spare” was deleted.').first().waitFor();
  // Reading goes on at the list.
  await page.locator('#secrets-title:focus').waitFor();
  assert.ok(!(await list(who)).some((one) => one.id === gone.id));
});

test('deleting what was used in the last day shows by whom, and takes its name', async (t) => {
  const who = await manager();
  const name = 'Main \u202e\u200bsystem';
  const busy = await named(who, name);
  await use(who, busy, 'curl/8.5.0');
  const page = await open(t, who, at(who));
  await card(page, 'Main').getByRole('button', { name: 'Delete' }).click();
  const dialog = page.getByRole('dialog', { name: 'Delete this secret?' });
  await dialog.getByText('It is in use.').waitFor();
  assert.match(await dialog.textContent(), /from 127\.0\.0\.1 by curl\/8\.5\.0/);
  await dialog.getByText('It is the last secret that works.').waitFor();
  await accessible(page, 'delete in use');
  await dialog.getByRole('button', { name: 'Delete secret' }).click();
  await dialog.getByText('This is not the name.').waitFor();
  await dialog.getByRole('textbox').fill('main system');
  await dialog.getByRole('button', { name: 'Delete secret' }).click();
  await dialog.getByText('This is not the name.').waitFor();
  assert.equal((await list(who)).length, 1);
  // Nobody can type the invisible characters of a name.
  await dialog.getByRole('textbox').fill('Main system');
  await dialog.getByRole('button', { name: 'Delete secret' }).click();
  await page.getByText('No secret yet.').waitFor();
  assert.deepEqual(await list(who), []);
});

test('what a colleague deletes or creates meanwhile is seen and said', async (t) => {
  const who = await manager();
  const [first, second] = [await secret(who, 'First'), await secret(who, 'Second')];
  const other = await colleague(who);
  const page = await open(t, who, at(who));
  await card(page, 'First').waitFor();
  await call('DELETE', `/applications/${who.clientId}/secrets/${first.id}`, { as: other });
  await card(page, 'First').getByRole('button', { name: 'Delete' }).click();
  await page.getByText('Somebody else has already deleted “First”.').first().waitFor();
  await card(page, 'First').waitFor({ state: 'detached' });
  await card(page, 'Second').getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('dialog').waitFor();
  await call('DELETE', `/applications/${who.clientId}/secrets/${second.id}`, { as: other });
  await page.getByRole('button', { name: 'Delete secret' }).click();
  await page.getByText('Somebody else has already deleted “Second”.').first().waitFor();
  await page.getByText('No secret yet.').waitFor();
});

test('two tabs show the same: what one creates, the other shows', async (t) => {
  const who = await manager();
  const first = await open(t, who, at(who));
  await first.getByText('No secret yet.').waitFor();
  const second = await open(t, null, at(who), { context: first.context() });
  await second.getByRole('button', { name: 'Create new secret' }).click();
  await second.getByLabel('Name').fill('From the other tab');
  await second.getByRole('button', { name: 'Create secret' }).click();
  await copied(second, 'Copy secret');
  await card(first, 'From the other tab').waitFor();
});

test('at the limit of live secrets the form stays and says what to do', async (t) => {
  const who = await manager();
  for (let at_ = 0; at_ < 10; at_ += 1) await secret(who, `Number ${at_}`);
  const page = await open(t, who, at(who));
  await page.getByRole('button', { name: 'Create new secret' }).click();
  await page.getByLabel('Name').fill('One too many');
  await page.getByRole('button', { name: 'Create secret' }).click();
  await page.getByText('delete one first').waitFor();
  assert.equal(await page.getByLabel('Name').inputValue(), 'One too many');
});
