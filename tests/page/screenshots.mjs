// Pictures of the views for the guides: `cargo xtask screenshots` calls it with the folder they go to.

import { test } from 'node:test';
import { join } from 'node:path';
import {
  admin,
  application,
  call,
  colleague,
  demo,
  manager,
  open,
  person,
  secret,
  signIn,
  sql,
  stored,
  totp,
  use,
} from './harness.mjs';

const FOLDER = process.env.WMDA_AUTH_IMAGES;
const WIDE = { width: 1100, height: 760 };
const NARROW = { width: 390, height: 800 };

async function picture(page, name, { narrow = false, full = true, of = page } = {}) {
  const shots = [
    ['light', WIDE, ''],
    ['dark', WIDE, '-dark'],
    ...(narrow
      ? [
          ['light', NARROW, '-narrow'],
          ['dark', NARROW, '-narrow-dark'],
        ]
      : []),
  ];
  await page.evaluate(() => document.getElementById('toasts').replaceChildren());
  for (const [colorScheme, viewport, suffix] of shots) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await page.setViewportSize(viewport);
    await page.evaluate(() => {
      if (!document.querySelector('dialog[open]')) document.activeElement?.blur();
    });
    await page.waitForTimeout(200);
    await of.screenshot({
      path: join(FOLDER, `${name}${suffix}.png`),
      ...(of === page && { fullPage: full }),
      animations: 'disabled',
      caret: 'hide',
    });
  }
  await page.setViewportSize(WIDE);
}

function history(id, days, top) {
  const today = Date.now();
  for (let at = 0; at < days; at += 1) {
    const day = new Date(today - (at + 1) * 86_400_000).toISOString().slice(0, 10);
    sql(
      'INSERT OR REPLACE INTO token_counts (secret_id, day, tokens) VALUES (?, ?, ?)',
      id,
      day,
      Math.round(top * (0.55 + 0.45 * Math.abs(Math.sin(at * 1.7)))),
    );
  }
}

const age = (id, { created = 0, used = null, expires = null }) => {
  sql('UPDATE client_secrets SET created_at = ? WHERE id = ?', stored(Date.now() - created * 86_400_000), id);
  if (used !== null)
    sql('UPDATE client_secrets SET last_used_at = ? WHERE id = ?', stored(Date.now() - used * 86_400_000), id);
  if (expires !== null) {
    // The end of a day, as the page makes it.
    const day = new Date(Date.now() + expires * 86_400_000).toISOString().slice(0, 10);
    sql('UPDATE client_secrets SET expires_at = ? WHERE id = ?', stored(Date.parse(`${day}T23:59:59Z`)), id);
  }
};

test('pictures of the credential manager’s views', async (t) => {
  const who = await manager({
    name: 'Mara Visser',
    called: 'Partner-NL-AmstelRegistry-SMC',
    resources: demo.clients[0].resources,
  });
  await colleague(who);
  const page = await open(t, null, '', { viewport: WIDE });
  await page.getByLabel('E-mail address').waitFor();
  await picture(page, 'sign-in', { narrow: true });

  const old = await secret(who, 'Search server, Amsterdam (Nov 2025)');
  const spare = await secret(who, 'Nightly donor upload, Leiden');
  const lost = await secret(who, 'Old test machine');
  await use(who, old, 'python-requests/2.32.5');
  await use(who, spare, 'MSAL.Python/1.34.0');
  history(old.id, 29, 1400);
  history(spare.id, 12, 90);
  age(old.id, { created: 352, expires: 13, used: 0.002 });
  age(spare.id, { created: 40, used: 0.3 });
  age(lost.id, { created: 370, expires: -5 });

  const tab = await open(t, who, '#/applications', { viewport: WIDE });
  await tab.getByText('3 secrets').waitFor();
  await picture(tab, 'applications', { narrow: true });
  await tab.goto(`${demo.page_url}#/account`);
  await tab.getByRole('heading', { name: 'My account' }).waitFor();
  await picture(tab, 'account', { narrow: true });
  await tab.goto(`${demo.page_url}#/applications/${who.clientId}`);
  await tab.getByText('Search server').first().waitFor();
  await picture(tab, 'application', { narrow: true });

  await tab.getByRole('button', { name: 'Rotate Search server' }).click();
  await picture(tab, 'rotation-1-create', { narrow: true, full: false });
  await tab.getByRole('button', { name: 'Create secret' }).click();
  await tab.getByText('Your new secret').waitFor();
  await tab.getByText('Test it with curl').click();
  await picture(tab, 'rotation-2-value', { narrow: true, full: false });
  await tab.getByRole('button', { name: 'Copy secret' }).click();
  const value = await tab.locator('[data-secret-value]').textContent();
  await tab.getByRole('button', { name: 'Done' }).click();
  await tab.getByText('Waiting for its first use').waitFor();
  await picture(tab, 'rotation-3-waiting', { full: false });
  const fresh = (await call('GET', `/applications/${who.clientId}/secrets`, { as: who })).items.find(
    (one) => one.replaces,
  );
  await use(who, { id: fresh.id, secret: value }, 'python-requests/2.32.5');
  await tab.getByText('A system may still have it').waitFor();
  await picture(tab, 'rotation-4-silence', { full: false });
  age(old.id, { created: 352, used: 1.2 });
  await tab.reload();
  await tab.getByText('Nothing has used the old secret').waitFor();
  await picture(tab, 'rotation-5-delete', { full: false });
  await tab
    .getByRole('region', { name: 'Rotation in progress' })
    .getByRole('button', { name: 'Delete the old secret' })
    .click();
  await tab.getByText('Delete this secret?').waitFor();
  await picture(tab, 'rotation-6-confirm', { narrow: true, full: false });
  await tab.getByRole('button', { name: 'Delete secret' }).click();
  await tab.getByText('Rotation finished').waitFor();
  await picture(tab, 'rotation-7-finished', { full: false });

  await tab.getByRole('button', { name: 'Delete Nightly donor upload' }).click();
  await tab.getByText('It is in use.').waitFor();
  await picture(tab, 'delete-in-use', { full: false });
});

/** A token request that is refused; waits until the record has it. */
async function refuse(who, value, agent) {
  await fetch(`${demo.base_url}/oauth2/token`, {
    method: 'POST',
    headers: { 'User-Agent': agent },
    body: new URLSearchParams({ grant_type: 'client_credentials', client_id: who.clientId, client_secret: value }),
  });
  await new Promise((resolve) => setTimeout(resolve, 3_000));
}

test('pictures of suspension, leaks, the last day, settings, keys and refusals', async (t) => {
  const who = await manager({
    name: 'Elin Berg',
    called: 'Partner-SE-MalarenRegistry-SMC',
    resources: demo.clients[0].resources,
  });
  await colleague(who);
  const [needed, leaked, last] = [
    await secret(who, 'Laboratory system, Uppsala'),
    await secret(who, 'Nightly upload, Stockholm'),
    await secret(who, 'Search server, Stockholm'),
  ];
  for (const one of [needed, leaked, last]) await use(who, one, 'Java-http-client/21.0.5');
  const path = `/applications/${who.clientId}`;
  const until = new Date(Date.now() + 2 * 86_400_000).toISOString();
  await call('PATCH', `${path}/secrets/${needed.id}`, { as: who, body: { suspended_until: until } });
  await refuse(who, needed.secret, 'Java-http-client/21.0.5');
  await refuse(who, `${last.secret}\n`, 'curl/8.14.1');
  await fetch(`${demo.base_url}/credentials/report`, {
    method: 'POST',
    body: JSON.stringify({ secret: leaked.secret }),
  });
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  age(needed.id, { created: 120, used: 0.04 });
  age(leaked.id, { created: 100, used: 0.4 });
  age(last.id, { created: 90, used: 0.01 });
  sql('UPDATE client_secrets SET expires_at = ? WHERE id = ?', stored(Date.now() + 7 * 3_600_000), last.id);

  const team = await open(t, await signIn(await person({ role: 'admin', name: 'Wim Bakker' })), '#/attention', {
    viewport: WIDE,
  });
  await team.getByRole('button', { name: 'Extend Search server' }).waitFor();
  await picture(team, 'team-attention', { narrow: true });
  await team.getByRole('button', { name: 'Extend Search server' }).click();
  await picture(team, 'team-extend', { full: false });
  await team.getByRole('dialog').getByRole('button', { name: 'Extend' }).click();
  await team.getByText(/^Extended:/).waitFor();

  const page = await open(t, who, `#/applications/${who.clientId}`, { viewport: WIDE });
  const part = async (name, of, options = {}) => {
    await of.scrollIntoViewIfNeeded();
    await picture(page, name, { full: false, of, ...options });
  };
  await page.getByText('it is still needed').waitFor();
  await part('suspended', page.getByRole('article').filter({ hasText: 'Laboratory system' }), { narrow: true });
  await part('leaked', page.getByRole('article').filter({ hasText: 'Nightly upload' }), { narrow: true });
  await part('extended', page.getByRole('article').filter({ hasText: 'Search server' }));
  await page.getByText('Show why systems got no token').click();
  await page.getByText('127.0.0.1').last().waitFor();
  await part('refused', page.getByRole('region', { name: 'Refused requests' }), { narrow: true });
  await page.getByRole('button', { name: 'Edit settings' }).click();
  await page.getByRole('button', { name: 'Use those seen' }).click();
  await page.getByLabel('Networks', { exact: true }).selectOption('report');
  await page.getByLabel('The system may replace its secret by itself').check();
  await picture(page, 'settings', { full: false, narrow: true });
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('button', { name: 'Add a key' }).click();
  await page.getByText('How to make a key pair').click();
  await page.getByLabel('Commands that make a key pair').scrollIntoViewIfNeeded();
  await picture(page, 'add-key', { full: false });
});

test('pictures of enrolment', async (t) => {
  const as = await admin();
  const clientId = await application();
  const owner = (await call('GET', `/applications/${clientId}`, { as })).organisation_id;
  const user = await call('POST', '/users', {
    as,
    body: {
      email: 'sofia.lind@amstel.example',
      display_name: 'Sofia Lind',
      roles: ['credential_manager'],
      organisation_id: owner,
    },
  });
  const page = await open(t, null, `#${user.enrolment_url.split('#')[1]}`, { viewport: WIDE });
  await page.getByLabel('Password', { exact: true }).fill('correct horse battery');
  await page.getByLabel('Repeat password').fill('correct horse battery');
  await picture(page, 'enrolment-1-password');
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByText('Scan this code').waitFor();
  await picture(page, 'enrolment-2-authenticator', { narrow: true });
  await page.getByText('Can’t scan it?').click();
  const key = (await page.locator('.key').textContent()).replace(/\s/g, '');
  await page.getByLabel('Code that the app shows now').fill(totp(key));
  await page.getByRole('button', { name: 'Finish' }).click();
  await page.getByText('Save these codes now').waitFor();
  await picture(page, 'enrolment-3-codes');
});

test('pictures of the WMDA team’s views', async (t) => {
  const page = await open(t, await signIn(await person({ role: 'admin', name: 'Wim Bakker' })), '', { viewport: WIDE });
  await page.getByRole('heading', { name: 'Needs attention' }).waitFor();
  for (const [hash, heading, name] of [
    ['organisations', 'Organisations', 'team-organisations'],
    ['people', 'People', 'team-people'],
    ['report', 'Secrets', 'team-report'],
    ['apis', 'APIs', 'team-apis'],
    ['audit', 'Audit trail', 'team-audit'],
    ['applications', 'Applications', 'team-applications'],
  ]) {
    await page.goto(`${demo.page_url}#/${hash}`);
    await page.getByRole('heading', { name: heading, level: 1 }).waitFor();
    await page.waitForLoadState('networkidle');
    await picture(page, name, { narrow: name === 'team-people' || name === 'team-audit', full: name !== 'team-audit' });
  }
  await page.goto(`${demo.page_url}#/applications/${demo.clients[0].client_id}`);
  await page.getByText('APIs it may call').waitFor();
  await picture(page, 'team-application');
});
