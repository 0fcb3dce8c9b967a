// A day that was chosen as a day is shown as that day, wherever the reader is.

import assert from 'node:assert/strict';
import { call, copied, inAYear, manager, open, person, secret, signIn, sql, stored, test } from './harness.mjs';

const ZONES = ['Europe/Amsterdam', 'Pacific/Auckland', 'America/Los_Angeles'];
const DAY = 86_400_000;

/** Half a year from now, and how a British reader writes that day. */
const chosen = new Date(Date.now() + 180 * DAY).toISOString().slice(0, 10);
const inWords = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'long',
  year: 'numeric',
  timeZone: 'UTC',
}).format;
const written = inWords(new Date(chosen));

for (const timezoneId of ZONES) {
  test(`in ${timezoneId} the chosen day stands in the form, beside the value, on the card, on paper and in the list`, async (t) => {
    const who = await manager();
    const page = await open(t, who, `#/applications/${who.clientId}`, { timezoneId });
    await page.getByRole('button', { name: 'Create new secret' }).click();
    await page.getByLabel('Name').fill('Dated');
    await page.getByLabel('Last day').fill(chosen);
    await page.getByText(`Works until ${written}.`).waitFor();
    await page.getByRole('button', { name: 'Create secret' }).click();
    await page.getByRole('dialog', { name: 'Your new secret' }).getByText(written).waitFor();
    await copied(page, 'Copy secret');
    await page.keyboard.press('Escape');
    const card = page.getByRole('article').filter({ hasText: 'Dated' });
    const time = card.locator(`time[datetime^="${chosen}"]`);
    assert.equal((await time.evaluate((one) => one.firstChild.textContent)).trim(), written);
    assert.equal(await time.getAttribute('title'), `${chosen} 23:59:59 UTC`, 'the instant for whoever asks');
    await page.emulateMedia({ media: 'print' });
    assert.ok(await time.isVisible());
    await page.emulateMedia({ media: 'screen' });
    await page.getByRole('button', { name: 'Rotate Dated' }).click();
    await page.keyboard.press('Escape');
    // One line each: the exact end in words.
    await secret(who, 'Another');
    await page.reload();
    await page.getByRole('button', { name: 'Compact list' }).click();
    await card.getByText(written).first().waitFor();
    await card.getByRole('button', { name: 'Details' }).click();
    await card.getByText(`Exactly: ${chosen} 23:59:59 UTC.`).waitFor();
  });
}

test('a year is offered, however slowly the form is built', async (t) => {
  const who = await manager();
  const page = await open(t, who);
  await page.getByRole('article').getByRole('link').click();
  const create = page.getByRole('button', { name: 'Create new secret' });
  await create.waitFor();
  await page.evaluate(() => {
    const real = Date.now;
    let readings = 0;
    Date.now = () => {
      readings += 1;
      return real() + readings;
    };
  });
  await create.click();
  const lives = page.getByRole('dialog').getByRole('radio');
  await lives.first().waitFor();
  assert.equal(await lives.count(), 4);
  assert.ok(await page.getByRole('radio', { name: '1 year' }).isChecked());
});

test('an expiry that was chosen as a moment is shown with its time, where the reader is', async (t) => {
  const who = await manager();
  const made = await secret(who, 'To the minute');
  sql('UPDATE client_secrets SET expires_at = ? WHERE id = ?', '2027-03-05 23:30:00', made.id);
  const page = await open(t, who, `#/applications/${who.clientId}`, { timezoneId: 'Asia/Tokyo' });
  const time = page.locator('time[datetime^="2027-03-05"]');
  assert.match(await time.textContent(), /^6 March 2027 at 08:30/);
  assert.equal(await time.getAttribute('title'), '2027-03-05 23:30:00 UTC');
});

test('what is said of an extended secret names the day that its card names, east of UTC too', async (t) => {
  const who = await manager();
  const made = await secret(who, 'Extended');
  const ends = new Date(Date.now() + 2 * DAY).toISOString().slice(0, 10);
  const [expires, now] = [stored(Date.parse(`${ends}T23:59:59Z`)), stored(Date.now())];
  sql('UPDATE client_secrets SET expires_at = ?, graced_at = ? WHERE id = ?', expires, now, made.id);
  const page = await open(t, who, `#/applications/${who.clientId}`, { timezoneId: 'Pacific/Auckland' });
  const card = page.getByRole('article').filter({ hasText: 'Extended' });
  await card.getByText('The WMDA team lets it work until').waitFor();
  const days = await card.locator(`time[datetime^="${ends}"]`).evaluateAll((all) => all.map((one) => one.textContent));
  const [first] = days;
  assert.ok(first.startsWith(`${Number(ends.slice(8))} `), first);
  assert.deepEqual(days, [first, first]);
});

test('a day that is over is answered with the first day that can be chosen', async (t) => {
  const who = await manager();
  const page = await open(t, who, `#/applications/${who.clientId}`, { timezoneId: 'America/Los_Angeles' });
  await page.getByRole('button', { name: 'Create new secret' }).click();
  await page.getByLabel('Name').fill('Too early');
  await page.getByLabel('Last day').fill(new Date(Date.now() - DAY).toISOString().slice(0, 10));
  await page.getByRole('button', { name: 'Create secret' }).click();
  await page.getByText(`Choose ${inWords(new Date())} or a later day.`).waitFor();
});

test('the WMDA team reads the same day as the manager', async (t) => {
  const who = await manager();
  const made = await secret(who, 'Soon over');
  const soon = new Date(Date.now() + 5 * DAY).toISOString().slice(0, 10);
  sql('UPDATE client_secrets SET expires_at = ? WHERE id = ?', stored(Date.parse(`${soon}T23:59:59Z`)), made.id);
  const page = await open(t, await signIn(await person({ role: 'admin' })), '#/attention', { timezoneId: ZONES[1] });
  const time = page.getByRole('listitem').filter({ hasText: 'Soon over' }).locator(`time[datetime^="${soon}"]`);
  const day = String(Number(soon.slice(8)));
  assert.ok((await time.textContent()).startsWith(`${day} `), `${await time.textContent()} is the ${day}th`);
});

test('the API takes back the expiry that it gave', async () => {
  const who = await manager();
  const body = { name: 'First', expires_at: inAYear() };
  const path = `/applications/${who.clientId}/secrets`;
  const first = await call('POST', path, { as: who, body });
  const second = await call('POST', path, { as: who, body: { name: 'Second', expires_at: first.expires_at } });
  assert.equal(second.expires_at, first.expires_at);
});
