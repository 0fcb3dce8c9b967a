// How the page is served: nothing inline, nothing from elsewhere, small, and asked for again before each use.

import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { open, PAGE, test } from './harness.mjs';

const document = await fetch(PAGE);
const markup = await document.text();
const ASSETS = '/manage-api-credentials/assets/';
const asset = (path, options) => fetch(new URL(path, PAGE), options);
/** What the document names, and what its modules import. */
const names = [...new Set([...markup.matchAll(/\/manage-api-credentials\/assets\/[\w.-]+/g)].map(([path]) => path))];
for (const path of names) {
  const text = path.endsWith('.js') ? await (await asset(path)).text() : '';
  const imported = [...text.matchAll(/'\.\/([\w-]+\.js)'/g)].map(([, file]) => ASSETS + file);
  names.push(...new Set(imported.filter((one) => !names.includes(one))));
}

test('W-03 the document comes under a policy without inline code, for no frame, and is kept nowhere', () => {
  assert.equal(document.status, 200);
  const header = (name) => document.headers.get(name);
  const policy = header('content-security-policy');
  for (const part of [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "form-action 'none'",
    "require-trusted-types-for 'script'",
  ]) {
    assert.ok(policy.includes(part), `${part} in ${policy}`);
  }
  assert.doesNotMatch(policy, /unsafe|data:|https?:|\*/);
  assert.equal(header('cache-control'), 'no-store');
  assert.equal(header('x-content-type-options'), 'nosniff');
  assert.equal(header('referrer-policy'), 'no-referrer');
  assert.doesNotMatch(markup, /<script(?![^>]*src=)|<style|style=|\son\w+=/i);
});

test('assets are revalidated, carry their type, and travel compressed', async () => {
  assert.ok(names.includes(`${ASSETS}rotation.js`), 'the modules of every view are among them');
  for (const path of names) {
    const answer = await asset(path);
    assert.equal(answer.status, 200, path);
    assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
    assert.match(answer.headers.get('content-type'), /^(text\/(javascript|css); charset=utf-8|image\/svg\+xml)$/);
    assert.equal(answer.headers.get('cache-control'), 'no-cache');
    assert.equal(answer.headers.get('content-encoding'), 'gzip');
    const again = await asset(path, { headers: { 'If-None-Match': answer.headers.get('etag') } });
    assert.equal(again.status, 304, path);
    await answer.arrayBuffer();
  }
});

test('the document and all assets together are below 150 kB compressed', async () => {
  const bodies = await Promise.all(names.map(async (path) => Buffer.from(await (await asset(path)).arrayBuffer())));
  const size = [Buffer.from(markup), ...bodies].reduce((sum, body) => sum + gzipSync(body).length, 0);
  assert.ok(size < 150_000, `${size} bytes`);
});

test('no markup is ever made from text', async () => {
  for (const path of names.filter((one) => one.endsWith('.js'))) {
    const text = await (await asset(path)).text();
    assert.doesNotMatch(
      text,
      /innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\(|new Function/,
      path,
    );
  }
});

test('what is not there is a problem, and only reading is allowed', async () => {
  const absent = await asset('/manage-api-credentials/assets/absent.js');
  assert.equal(absent.status, 404);
  assert.equal(absent.headers.get('content-type'), 'application/problem+json');
  const posted = await fetch(PAGE, { method: 'POST' });
  assert.deepEqual([posted.status, posted.headers.get('allow')], [405, 'GET, HEAD']);
  assert.equal((await fetch(PAGE, { method: 'HEAD' })).status, 200);
});

test('what the page links to is there', async () => {
  const answer = await fetch(new URL('/api/docs', PAGE));
  assert.equal(answer.status, 200);
  await answer.arrayBuffer();
});

test('the first view is usable after a load', async (t) => {
  const page = await open(t, null);
  await page.getByLabel('E-mail address').waitFor();
  const ready = await page.evaluate(() => Math.round(performance.now()));
  const { loaded } = await page.evaluate(() => ({
    loaded: Math.round(performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd),
  }));
  t.diagnostic(`modules had run after ${loaded} ms, the form was found after ${ready} ms`);
});
