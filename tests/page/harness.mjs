// What the tests of the page share: people with authenticators, a browser that tells on the page, and axe.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, test as plain } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { chromium } from 'playwright-core';

export const demo = JSON.parse(process.env.WMDA_AUTH_DEMO);
export const PAGE = demo.page_url;
const COOKIE = '__Host-wmda-session';
const AXE = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
/** Work on the page without building: a folder that stands in for the assets in the binary. */
const FROM = process.env.WMDA_AUTH_PAGE_FOLDER;

export const browser = await chromium.launch({
  executablePath: process.env.WMDA_AUTH_CHROMIUM ?? '/usr/bin/chromium',
  // Debian's Chromium runs as root here, where its sandbox can't.
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--lang=en-GB',
  ],
  env: { ...process.env, LANGUAGE: 'en_GB' },
});
after(() => Promise.race([browser.close(), pause(10_000)]));

/** Much in a browser waits for ever: what hangs fails. */
const PATIENCE = { timeout: 120_000 };
export const test = (name, body) => plain(name, PATIENCE, body);

/** A demo of a test's own on plain http, which can be killed and started again on the same data. */
export class Server {
  static async start(t) {
    const server = new Server();
    server.folder = await mkdtemp(join(tmpdir(), 'wmda-page-'));
    t.after(async () => {
      await server.kill();
      await rm(server.folder, { recursive: true });
    }, PATIENCE);
    // Nobody who asks for any free port is given one of these while the server is down.
    const ports = Array.from({ length: 20 }, () => 10_000 + Math.floor(Math.random() * 20_000));
    for (server.port of ports) if (await server.run()) return server;
    assert.fail('the demo does not start');
  }

  /** Answers whether it serves. */
  async run() {
    const words = ['demo', '--json', '--port', String(this.port), '--data-dir', this.folder];
    this.process = spawn(process.env.WMDA_AUTH_SERVER, words, { stdio: ['ignore', 'pipe', 'ignore'] });
    this.ended = once(this.process, 'exit');
    const [line] = await Promise.race([
      once(createInterface({ input: this.process.stdout }), 'line'),
      this.ended.then(() => []),
    ]);
    if (line) this.demo = JSON.parse(line);
    return Boolean(line);
  }

  async kill() {
    this.process.kill('SIGKILL');
    await this.ended;
  }
}

/** RFC 6238 with what authenticator apps use: SHA-1, six digits, 30 seconds. */
export function totp(secret, steps = 0) {
  const bits = [...secret.replace(/=+$/, '')]
    .map((one) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(one).toString(2).padStart(5, '0'))
    .join('');
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + steps));
  const mac = createHmac('sha1', key).update(counter).digest();
  const at = mac.at(-1) & 15;
  return String((mac.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

/** A call of the REST API by somebody with a session; fails unless the answer is good. */
export async function call(method, path, { as = null, body = null, base = demo.base_url } = {}) {
  const answer = await fetch(`${base}/api/v1${path}`, {
    method,
    body: body && JSON.stringify(body),
    headers: {
      ...(body && { 'Content-Type': 'application/json' }),
      ...(as && { Cookie: `${COOKIE}=${as.cookie}`, 'X-CSRF-Token': as.csrf }),
    },
  });
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${answer.ok ? '' : await answer.text()}`);
  return answer.status === 204 ? null : answer.json();
}

/** Signs in; a code works once, so `steps` chooses one that was not used yet. */
export async function signIn(person, { steps = 0, base = demo.base_url } = {}) {
  const body = { email: person.email, password: person.password, totp: totp(person.totp_secret, steps), cookie: true };
  const answer = await fetch(`${base}/api/v1/session`, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'Content-Type': 'application/json' },
  });
  assert.equal(answer.status, 201);
  const cookie = answer.headers.get('set-cookie').match(new RegExp(`${COOKIE}=([^;]+)`))[1];
  return { ...person, cookie, csrf: (await answer.json()).csrf_token };
}

const admins = new Map();
/** The sample admin of a demo, signed in once. */
export async function admin(of = demo) {
  if (!admins.has(of))
    admins.set(
      of,
      signIn(
        of.users.find((one) => one.role === 'admin'),
        { base: of.base_url },
      ),
    );
  return admins.get(of);
}

let made = 0;
function count() {
  made += 1;
  return made;
}

/** Somebody new; `applications` are those that they manage. They have used the code of step -1. */
export async function person({
  role = 'credential_manager',
  applications = [],
  name = 'Mara Visser',
  organisation = null,
  of = demo,
} = {}) {
  count();
  const [as, base] = [await admin(of), of.base_url];
  const owner = applications.length
    ? (await call('GET', `/applications/${applications[0]}`, { as, base })).organisation_id
    : organisation;
  const email = `${name.toLowerCase().replace(/[^a-z]+/g, '.')}.${made}@amstel.example`;
  const body = { email, display_name: name, roles: [role], ...(owner && { organisation_id: owner }) };
  const user = await call('POST', '/users', { as, base, body });
  const link = { token: user.enrolment_url.split('#token=')[1], password: 'correct horse battery' };
  const { totp_secret } = await call('POST', '/enrolment', { base, body: link });
  // The code of the step before counts as long as this step lasts. When that ends on the way, the next one's is right.
  const left = 30_000 - (Date.now() % 30_000);
  if (left < 2_000) await pause(left);
  const confirm = () =>
    call('POST', '/enrolment/confirm', { base, body: { token: link.token, totp: totp(totp_secret, -1) } });
  const { recovery_codes } = await confirm().catch(confirm);
  for (const one of applications) {
    await call('POST', `/applications/${one}/managers`, {
      as,
      base,
      body: { user_id: user.id, confirmed_by: 'The board' },
    });
  }
  return { id: user.id, email, name, password: link.password, totp_secret, recovery_codes };
}

/** A new application of an organisation: its own, or the one whose id is `owner`. */
export async function application({
  owner = null,
  called = `Partner-NL-Registry${count()}-SMC`,
  resources = [demo.clients[0].resources[0]],
  of = demo,
} = {}) {
  const [as, base] = [await admin(of), of.base_url];
  const name = called.split('-')[2].replace(/([a-z])([A-Z0-9])/g, '$1 $2');
  const own = async () => (await call('POST', '/organisations', { as, base, body: { name, country_code: 'NL' } })).id;
  const view = await call('POST', '/applications', {
    as,
    base,
    body: { name: called, organisation_id: owner ?? (await own()) },
  });
  for (const resource of resources) {
    await call('POST', `/applications/${view.client_id}/permissions`, {
      as,
      base,
      body: { resource_id: resource, roles: ['Search.Read'] },
    });
  }
  return view.client_id;
}

/** A manager of a new application, signed in. They have used the codes of steps -1 and 0. */
export async function manager(options = {}) {
  const clientId = await application(options);
  const who = await signIn(await person({ applications: [clientId], ...options }), { base: options.of?.base_url });
  return { ...who, clientId };
}

/** Another manager of the same application, signed in. */
export const colleague = async (who, name = 'Jonas Albers') => ({
  ...(await signIn(await person({ applications: [who.clientId], name }))),
  clientId: who.clientId,
});

export const inDays = (days) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);

/** The same day next year; of 29 February the day before, if next year has none. */
export function inAYear() {
  const day = new Date();
  const month = day.getUTCMonth();
  day.setUTCFullYear(day.getUTCFullYear() + 1);
  if (day.getUTCMonth() !== month) day.setUTCDate(0);
  return day.toISOString().slice(0, 10);
}

/** A new secret by REST. */
export const secret = (who, name, { days = 300, replaces } = {}) =>
  call('POST', `/applications/${who.clientId}/secrets`, {
    as: who,
    body: { name, expires_at: inDays(days), ...(replaces && { replaces }) },
  });

/** A token for the application, as a member system gets it; waits until its use has been written down. */
export async function use(who, value, agent = 'python-requests/2.32.5') {
  const began = Date.now() - 1_000;
  const answer = await fetch(`${demo.base_url}/oauth2/token`, {
    method: 'POST',
    headers: { 'User-Agent': agent },
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: who.clientId,
      client_secret: value.secret,
      resource: demo.clients[0].resources[0],
    }),
  });
  assert.equal(answer.status, 200);
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const { last_used_at } = await call('GET', `/applications/${who.clientId}/secrets/${value.id}`, { as: who });
    if (last_used_at && Date.parse(last_used_at) > began) return;
    await pause(100);
  }
  assert.fail('the use was not written down within ten seconds');
}

/** Changes the demo's database: time passes in it that a test can't wait for. */
export function sql(statement, ...values) {
  const script =
    'import sqlite3, sys, json\nwith sqlite3.connect(sys.argv[1], timeout=10) as c: c.execute(sys.argv[2], json.loads(sys.argv[3]))';
  execFileSync('python3', ['-c', script, join(demo.data_dir, 'wmda-auth.db'), statement, JSON.stringify(values)]);
}

/** Copies, and waits until it is copied: before that the page still guards what it shows once. */
export async function copied(page, name) {
  await page.getByRole('button', { name }).click();
  await page.getByText('Copied', { exact: true }).first().waitFor();
}

/** A time as the database holds it. */
export const stored = (milliseconds) => new Date(milliseconds).toISOString().replace('T', ' ').replace('Z', '');

/** A tab of somebody; whatever the page does wrong in it fails the test at its end. */
export async function open(
  t,
  who,
  hash = '',
  { context: shared = null, expected = [], base = demo.base_url, ...options } = {},
) {
  const context =
    shared ??
    (await browser.newContext({
      ignoreHTTPSErrors: true,
      viewport: { width: 1280, height: 900 },
      locale: 'en-GB',
      timezoneId: 'Europe/Amsterdam',
      permissions: ['clipboard-read', 'clipboard-write'],
      ...options,
    }));
  if (who?.cookie)
    await context.addCookies([
      { name: COOKIE, value: who.cookie, url: base, secure: true, httpOnly: true, sameSite: 'Strict' },
    ]);
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const problems = [];
  tell(page, problems, expected, base);
  if (FROM) await page.route('**/manage-api-credentials/assets/*', (route) => fromFolder(route));
  t.after(async () => {
    await (shared ? page : context).close();
    for (const one of problems) t.diagnostic(`${page.url().split('#')[0]}: ${one}`);
    assert.deepEqual([...problems], [], 'what the page did wrong');
  }, PATIENCE);
  await page.goto(`${base}/manage-api-credentials${hash}`);
  return page;
}

function tell(page, problems, expected, base) {
  page.addInitScript(() =>
    addEventListener('securitypolicyviolation', (event) =>
      // biome-ignore lint/suspicious/noConsole: the console is what the tests listen to.
      console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`),
    ),
  );
  page.on('pageerror', (error) => problems.push(`error: ${error.message}`));
  page.on('console', (message) => {
    // The browser notes every answer of 400 and above; those of the API are part of its protocol.
    const answer =
      message.text().startsWith('Failed to load resource') && message.location().url.startsWith(`${base}/api/v1/`);
    if (['error', 'warning'].includes(message.type()) && !answer) problems.push(`${message.type()}: ${message.text()}`);
  });
  page.on('request', (one) => {
    if (!one.url().startsWith(`${base}/`) && !one.url().startsWith(`blob:${base}/`))
      problems.push(`leaves the origin: ${one.url()}`);
  });
  problems.push = (text) =>
    expected.some((one) => text.includes(one)) ? 0 : Array.prototype.push.call(problems, text);
}

async function fromFolder(route) {
  const file = new URL(route.request().url()).pathname.split('/').at(-1);
  const type = { js: 'text/javascript', css: 'text/css', svg: 'image/svg+xml' }[file.split('.').at(-1)];
  await route.fulfill({ body: await readFile(join(FROM, file)), contentType: type });
}

/** The text of an asset of the page. */
export async function asset(file) {
  if (FROM) return readFile(join(FROM, file), 'utf8');
  return (await fetch(`${demo.base_url}/manage-api-credentials/assets/${file}`)).text();
}

/** No violation of WCAG 2.2 AA or of axe's best practices, in light and in dark. */
export async function accessible(page, what) {
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    // Colours fade into each other for a moment.
    await page.evaluate(() => Promise.allSettled(document.getAnimations().map((one) => one.finished)));
    if (!(await page.evaluate('typeof axe === "object"'))) await page.evaluate(AXE);
    const found = await page.evaluate(async () => {
      const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
      const { violations } = await axe.run(document, {
        runOnly: { type: 'tag', values: tags },
        resultTypes: ['violations'],
      });
      return violations.map(
        (one) => `${one.id}: ${one.help}: ${one.nodes.map((node) => node.html.slice(0, 160)).join(' | ')}`,
      );
    });
    assert.deepEqual(found, [], `${what}, ${colorScheme}`);
  }
  await page.emulateMedia({ colorScheme: 'light' });
}

/** Nothing is cut off at the side of a narrow screen. */
export async function fits(page, width = 320) {
  const before = page.viewportSize();
  await page.setViewportSize({ width, height: 800 });
  const [content, window_] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(content <= window_, `the page is ${content} wide on a screen of ${width}`);
  // A table scrolls by itself: on a narrow screen it is a list, and what is at its side is not seen.
  const wide = await page.evaluate(() =>
    [...document.querySelectorAll('.table')]
      .filter((one) => one.scrollWidth > one.clientWidth)
      .map((one) => `${one.scrollWidth} in ${one.clientWidth}: ${one.querySelector('caption').textContent}`),
  );
  assert.deepEqual(wide, [], `tables on a screen of ${width}`);
  await page.setViewportSize(before);
}
