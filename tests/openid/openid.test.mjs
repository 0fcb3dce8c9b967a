// W-05: people sign in through an OpenID provider, and nobody else does. The provider is a real one; where an answer
// must be wrong, its own answer is tampered with.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { SignJWT, decodeJwt, decodeProtectedHeader, generateKeyPair, importJWK } from 'jose';
import { Browser } from './browser.mjs';
import { CLIENT, OpenIdProvider } from './provider.mjs';
import { Service, freePort, totp } from './service.mjs';

let provider;
let service;
let admin;

before(async () => {
  const port = await freePort();
  provider = await OpenIdProvider.start(`http://127.0.0.1:${port}/api/v1/session/openid/callback`);
  // It starts while the provider is down.
  provider.mood = 'hangs';
  service = await Service.start(port, {
    WMDA_AUTH__IDENTITY__OIDC__ISSUER: provider.issuer,
    WMDA_AUTH__IDENTITY__OIDC__CLIENT_ID: CLIENT.id,
    WMDA_AUTH__IDENTITY__OIDC__CLIENT_SECRET: CLIENT.secret,
    WMDA_AUTH__IDENTITY__OIDC__NAME: 'WMDA portal',
    WMDA_AUTH__IDENTITY__OIDC__ACCEPTED_AMR: 'mfa,hwk',
    WMDA_AUTH__IDENTITY__OIDC__ACCEPTED_ACR: 'urn:example:mfa',
    WMDA_AUTH__MAIL__INTERVAL_SECONDS: '1',
  });
  admin = await service.admin();
});

after(() => {
  service?.stop();
  provider?.stop();
});

const START = '/api/v1/session/openid';
const isCallback = (url) => url.includes('/session/openid/callback');
const isPage = (url) => url.includes('/manage-api-credentials');

/** The browser begins, and stands before the provider's sign-in. */
async function begin(browser, base = service.base) {
  return browser.follow(base + START, (url) => url.includes('/interaction/'));
}

/** Signs in at the provider; answers the callback's URL, not yet called. */
async function callbackUrl(browser, subject, base) {
  const interaction = await begin(browser, base);
  const account = `${interaction}?account=${encodeURIComponent(subject)}`;
  return browser.follow(account, isCallback, { method: 'POST' });
}

/** The whole way; answers where the browser ends: '' is signed in, else the code of the failure. */
async function signIn(subject, browser = new Browser()) {
  const url = await callbackUrl(browser, subject);
  return outcome(await browser.go(url));
}

function outcome(answer) {
  assert.equal(answer.status, 303);
  const place = answer.headers.get('location');
  if (place === '/manage-api-credentials') return '';
  return /^\/manage-api-credentials#sign-in-failed=([a-z_]+)$/.exec(place)[1];
}

/** Whose session the browser has; null is none. */
async function whoami(browser) {
  const answer = await browser.go(`${service.base}/api/v1/session`);
  return answer.status === 200 ? (await answer.json()).user.email : null;
}

async function invite(email, more = { roles: ['auditor'] }) {
  const made = await service.call('POST', '/users', admin, { email, display_name: 'Somebody', ...more });
  assert.equal(made.status, 201, JSON.stringify(made.body));
  return made.body.id;
}

const causes = () =>
  service
    .log()
    .split('\n')
    .flatMap((line) => line.split('sign-in through the OpenID provider: ').slice(1));

/** Runs `work`, and answers why the sign-in failed, as the operator reads it. */
async function causeOf(work) {
  const before = causes().length;
  assert.equal(await work(), 'failed');
  for (let tries = 0; tries < 100 && causes().length === before; tries += 1) {
    await new Promise((done) => setTimeout(done, 100));
  }
  assert.equal(causes().length, before + 1);
  return causes().at(-1);
}

async function events(action, outcome) {
  const path = `/audit-events?limit=200&action=${action}&outcome=${outcome}`;
  return (await service.call('GET', path, admin)).body.items;
}

test('a provider that hangs or fails is a clear failure, never a 500', async () => {
  const began = Date.now();
  assert.equal(outcome(await fetch(service.base + START, { redirect: 'manual' })), 'failed');
  assert.ok(Date.now() - began < 8000, 'within the time-out');
  const { asked } = provider;
  assert.equal(outcome(await fetch(service.base + START, { redirect: 'manual' })), 'failed');
  assert.equal(provider.asked, asked, 'and not asked again at once');
  provider.mood = 'answers';
  await new Promise((done) => setTimeout(done, 5500));
  const options = await service.call('GET', '/session/options');
  assert.deepEqual(options.body, { openid: { name: 'WMDA portal', start_url: START } });
});

test('the authorization request has PKCE S256, state and nonce, and a cookie of this host', async () => {
  const answer = await fetch(service.base + START, { redirect: 'manual' });
  assert.equal(answer.status, 302);
  const { searchParams: sent, origin } = new URL(answer.headers.get('location'));
  assert.equal(origin, provider.issuer);
  assert.equal(sent.get('response_type'), 'code');
  assert.equal(sent.get('code_challenge_method'), 'S256');
  assert.ok(sent.get('state').length >= 43 && sent.get('nonce').length >= 43);
  assert.deepEqual(sent.get('scope').split(' ').sort(), ['email', 'openid']);
  const [cookie] = answer.headers.getSetCookie();
  assert.match(cookie, /^__Host-wmda-openid=/);
  for (const attribute of ['Secure', 'HttpOnly', 'SameSite=Lax', 'Path=/', 'Max-Age=600']) {
    assert.ok(cookie.includes(attribute), attribute);
  }
  for (const open of [sent.get('state'), sent.get('nonce')]) assert.ok(!cookie.includes(open), 'sealed');
  assert.equal(answer.headers.get('cache-control'), 'no-store');
});

test('somebody whom the WMDA team added signs in, is bound by subject, and then known by it alone', async () => {
  await invite('anna@wmda.example');
  const anna = provider.person('anna', 'Anna@wmda.example');
  const browser = new Browser();
  browser.jar(service.base).set('__Host-wmda-session', 'planted');
  assert.equal(await signIn(anna, browser), '');
  assert.equal(await whoami(browser), 'anna@wmda.example');
  const token = browser.jar(service.base).get('__Host-wmda-session');
  assert.notEqual(token, 'planted', 'session fixation');
  assert.ok(!browser.jar(service.base).has('__Host-wmda-openid'), 'the attempt is over');
  // The provider now says another address, or none that is verified: the subject counts.
  provider.person('anna', 'renamed@elsewhere.example', { email_verified: false });
  assert.equal(await signIn(anna, new Browser()), '');
  assert.equal((await events('user.bind_identity', 'done')).length, 1);
  const opened = await events('session.create_by_openid', 'done');
  assert.deepEqual(opened.map((event) => event.actor), ['anna@wmda.example', 'anna@wmda.example']);
});

test('the session is the same as by password: a cookie alone changes nothing, and sign-out ends it', async () => {
  const browser = new Browser();
  assert.equal(await signIn(provider.person('anna', 'anna@wmda.example'), browser), '');
  const view = await (await browser.go(`${service.base}/api/v1/session`)).json();
  const out = (headers) => browser.go(`${service.base}/api/v1/session`, { method: 'DELETE', headers });
  const kept = new Map(browser.jar(service.base));
  assert.equal((await out({})).status, 403, 'W-02');
  assert.equal((await out({ 'x-csrf-token': view.csrf_token })).status, 204);
  browser.jars.set(service.base, kept);
  assert.equal(await whoami(browser), null, 'ended on the server');
});

test('another person who claims a bound address, or one that is not verified, is unknown', async () => {
  await invite('bound@wmda.example');
  assert.equal(await signIn(provider.person('owner', 'bound@wmda.example')), '');
  assert.equal(await signIn(provider.person('thief', 'bound@wmda.example')), 'unknown_person');
  await invite('open@wmda.example');
  const unverified = provider.person('unverified', 'open@wmda.example', { email_verified: false });
  assert.equal(await signIn(unverified), 'unknown_person');
  assert.equal(await signIn(provider.person('text', 'open@wmda.example', { email_verified: undefined })), 'unknown_person');
  assert.equal(await signIn(provider.person('stranger', 'stranger@wmda.example')), 'unknown_person');
  assert.equal(await signIn(provider.person('no address', undefined)), 'unknown_person');
  const denied = await events('session.create_by_openid', 'denied');
  assert.ok(denied.length >= 5 && denied.every((event) => event.actor === 'unknown'));
  assert.equal(await signIn(provider.person('owner of open', 'open@wmda.example')), '', 'still free');
});

test('two first sign-ins of one person at once bind once', async () => {
  await invite('twice@wmda.example');
  const subject = provider.person('twice', 'twice@wmda.example');
  const browsers = [new Browser(), new Browser()];
  const urls = await Promise.all(browsers.map((browser) => callbackUrl(browser, subject)));
  const answers = await Promise.all(browsers.map((browser, at) => browser.go(urls[at])));
  assert.deepEqual(answers.map(outcome), ['', '']);
});

test('P-04: an identity is bound to somebody who has enrolled only after re-authentication, and they are told', async () => {
  const made = await service.call('POST', '/users', admin, { email: 'own@wmda.example', display_name: 'Own', roles: ['auditor'] });
  const link = made.body.enrolment_url.split('#token=')[1];
  const password = 'tulp zebra kettle nine';
  const begun = await service.call('POST', '/enrolment', null, { token: link, password });
  const secret = begun.body.totp_secret;
  const enrolled = await service.call('POST', '/enrolment/confirm', null, { token: link, totp: totp(secret) });
  assert.equal(enrolled.status, 201, JSON.stringify(enrolled.body));
  const [signInCode, bindCode] = enrolled.body.recovery_codes;
  const subject = provider.person('own', 'own@wmda.example');
  assert.equal(await signIn(subject), 'not_bound', 'an address alone binds nobody who has a password');
  const opened = await service.call('POST', '/session', null, { email: 'own@wmda.example', password, recovery_code: signInCode });
  const bind = (proof) =>
    fetch(`${service.base}/api/v1/account/identity`, {
      method: 'POST',
      headers: { authorization: `Bearer ${opened.body.token}`, 'content-type': 'application/json' },
      body: JSON.stringify(proof),
    });
  assert.equal((await bind({ password: 'a wrong password', totp: '000000' })).status, 403);
  const answer = await bind({ password, recovery_code: bindCode });
  assert.equal(answer.status, 200);
  const browser = new Browser();
  const [cookie] = answer.headers.getSetCookie();
  const [name, value] = cookie.split(';')[0].split('=');
  browser.jar(service.base).set(name, value);
  const interaction = await browser.follow((await answer.json()).authorization_url, (url) => url.includes('/interaction/'));
  const callback = await browser.follow(`${interaction}?account=own`, isCallback, { method: 'POST' });
  const bound = await browser.go(callback);
  assert.equal(bound.headers.get('location'), '/manage-api-credentials#identity-bound');
  assert.equal(await whoami(browser), null, 'binding opens no session');
  assert.equal(await signIn(subject), '');
  const told = () =>
    readdirSync(join(service.data, 'mail'))
      .map((file) => readFileSync(join(service.data, 'mail', file), 'utf8'))
      .some((mail) => mail.includes('To: own@wmda.example') && mail.includes('Sign-in through the OpenID provider was added'));
  for (let tries = 0; tries < 100 && !(existsSync(join(service.data, 'mail')) && told()); tries += 1) {
    await new Promise((done) => setTimeout(done, 200));
  }
  assert.ok(told());
});

test('P-03: answers that nobody began here are not counted: other sites lock no address out', async () => {
  for (let times = 0; times < 120; times += 1) {
    const browser = new Browser();
    assert.equal(outcome(await browser.go(`${service.base}${START}/callback?state=x&code=y`)), 'failed');
  }
  assert.equal(await signIn(provider.person('anna', 'anna@wmda.example')), '');
});

test('several factors must be proven, by amr or acr as configured', async () => {
  await invite('factors@wmda.example');
  const of = (more) => provider.person('factors', 'factors@wmda.example', more);
  assert.equal(await signIn(of({ amr: ['pwd'] })), 'no_mfa');
  assert.equal(await signIn(of({ amr: undefined })), 'no_mfa');
  assert.equal(await signIn(of({ amr: ['MFA'] })), 'no_mfa');
  assert.equal(await signIn(of({ amr: ['pwd'], acr: 'urn:example:password' })), 'no_mfa');
  assert.equal(await signIn(of({ amr: ['hwk'] })), '');
  assert.equal(await signIn(of({ amr: ['pwd'], acr: 'urn:example:mfa' })), '');
});

test('a disabled person, and a person of a disabled organisation, gets no session', async () => {
  const id = await invite('off@wmda.example');
  const subject = provider.person('off', 'off@wmda.example');
  await service.call('PATCH', `/users/${id}`, admin, { enabled: false });
  assert.equal(await signIn(subject), 'disabled', 'before it is bound');
  await service.call('PATCH', `/users/${id}`, admin, { enabled: true });
  const browser = new Browser();
  assert.equal(await signIn(subject, browser), '');
  await service.call('PATCH', `/users/${id}`, admin, { enabled: false });
  assert.equal(await whoami(browser), null, 'the session ended');
  assert.equal(await signIn(subject), 'disabled');
  const made = await service.call('POST', '/organisations', admin, { name: 'Closing', country_code: 'NL' });
  const organisation_id = made.body.id;
  await invite('closing@wmda.example', { organisation_id, roles: ['credential_manager'] });
  const closing = provider.person('closing', 'closing@wmda.example');
  assert.equal(await signIn(closing), '');
  await service.call('PATCH', `/organisations/${organisation_id}`, admin, { enabled: false });
  assert.equal(await signIn(closing), 'disabled');
});

test('an answer belongs to the browser that began, once: login CSRF, code injection, replay', async () => {
  await invite('eve@wmda.example');
  const eve = provider.person('eve', 'eve@wmda.example');
  const attacker = new Browser();
  const url = await callbackUrl(attacker, eve);
  const victim = new Browser();
  assert.equal(outcome(await victim.go(url)), 'failed', 'login CSRF: no attempt of this browser');
  await begin(victim);
  assert.equal(outcome(await victim.go(url)), 'failed', 'login CSRF: the state of another attempt');
  assert.equal(await whoami(victim), null);
  // The attacker's code with the victim's own state: PKCE and nonce are another attempt's.
  const own = new Browser();
  const mine = new URL(await callbackUrl(own, provider.person('anna', 'anna@wmda.example')));
  mine.searchParams.set('code', new URL(url).searchParams.get('code'));
  assert.equal(outcome(await own.go(mine.href)), 'failed', 'code injection');
  assert.equal(await whoami(own), null);
  const fresh = new Browser();
  const once = await callbackUrl(fresh, eve);
  const cookie = fresh.jar(service.base).get('__Host-wmda-openid');
  assert.equal(outcome(await fresh.go(once)), '');
  fresh.jars.set(service.base, new Map([['__Host-wmda-openid', cookie]]));
  assert.equal(outcome(await fresh.go(once)), 'failed', 'replay');
  assert.equal(await whoami(fresh), null);
});

test('a tampered or foreign cookie, a repeated parameter and an error of the provider are refused', async () => {
  const subject = provider.person('anna', 'anna@wmda.example');
  const change = async (how) => {
    const browser = new Browser();
    const url = new URL(await callbackUrl(browser, subject));
    how(url, browser.jar(service.base));
    return outcome(await browser.go(url.href));
  };
  const cookie = '__Host-wmda-openid';
  assert.equal(await change(() => {}), '', 'unchanged it works');
  const cut = (jar) => jar.set(cookie, `${jar.get(cookie).slice(0, -4)}AAAA`);
  const wrong = [
    [(_, jar) => cut(jar), /no attempt of this browser/],
    [(_, jar) => jar.set(cookie, 'AAAA'), /no attempt of this browser/],
    [(url) => url.searchParams.append('state', 'x'), /another attempt/],
    [(url) => url.searchParams.delete('state'), /another attempt/],
    [(url) => url.searchParams.delete('code'), /no code/],
    [(url) => url.searchParams.set('error', 'access_denied'), /answered access_denied/],
    // Mix-up (RFC 9207).
    [(url) => url.searchParams.set('iss', 'https://other.example'), /another issuer/],
    [(url) => url.searchParams.delete('iss'), /does not name its issuer/],
  ];
  for (const [how, cause] of wrong) assert.match(await causeOf(() => change(how)), cause);
});

test('an ID token with a wrong signature, algorithm, nonce, audience, issuer or time is refused', async () => {
  const subject = provider.person('anna', 'anna@wmda.example');
  const signed = async (claims, key, header) => new SignJWT(claims).setProtectedHeader(header).sign(key);
  const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const withClaims = (change) => async (token, jwk) => {
    const claims = change(decodeJwt(token));
    return signed(claims, await importJWK(jwk, 'RS256'), decodeProtectedHeader(token));
  };
  const bad = [
    ['alg none', /No signature/, (token) => `${encode({ alg: 'none' })}.${token.split('.')[1]}.`],
    [
      'alg none with the old signature',
      /No signature/,
      (token) => [encode({ alg: 'none' }), ...token.split('.').slice(1)].join('.'),
    ],
    [
      'HS256 by the client secret',
      /Disallowed signature algorithm/,
      (token) => signed(decodeJwt(token), new TextEncoder().encode(CLIENT.secret), { alg: 'HS256' }),
    ],
    [
      'another key of the same name',
      /Crypto error/,
      async (token) => {
        const { privateKey } = await generateKeyPair('RS256');
        return signed(decodeJwt(token), privateKey, decodeProtectedHeader(token));
      },
    ],
    [
      'a changed subject',
      /Crypto error/,
      (token) => {
        const [header, , signature] = token.split('.');
        return [header, encode({ ...decodeJwt(token), sub: 'owner' }), signature].join('.');
      },
    ],
    ['another nonce', /nonce mismatch/, withClaims((claims) => ({ ...claims, nonce: 'another' }))],
    ['no nonce', /missing nonce/, withClaims(({ nonce, ...claims }) => claims)],
    ['another audience', /must contain `wmda-auth`/, withClaims((claims) => ({ ...claims, aud: 'another' }))],
    [
      'a further audience',
      /not a trusted audience/,
      withClaims((claims) => ({ ...claims, aud: [CLIENT.id, 'another'] })),
    ],
    ['another issuer', /Invalid issuer/, withClaims((claims) => ({ ...claims, iss: 'https://other.example' }))],
    ['its time is over', /Expired/, withClaims((claims) => ({ ...claims, exp: claims.iat - 1 }))],
    ['another authorized party', /authorized party/, withClaims((claims) => ({ ...claims, azp: 'another' }))],
    ['issued an hour ago', /too long ago/, withClaims((claims) => ({ ...claims, iat: claims.iat - 3600 }))],
    ['issued in an hour', /in the future/, withClaims((claims) => ({ ...claims, iat: claims.iat + 3600, exp: claims.exp + 3600 }))],
    ['the hash of another access token', /at_hash/, withClaims((claims) => ({ ...claims, at_hash: 'A'.repeat(22) }))],
    ['no subject', /sub/, withClaims(({ sub, ...claims }) => claims)],
    ['a control character', /unknown form/, withClaims((claims) => ({ ...claims, sub: 'a\u0000b' }))],
    ['an endless subject', /unknown form/, withClaims((claims) => ({ ...claims, sub: 'x'.repeat(256) }))],
    ['another subject than at the userinfo endpoint', /sub/, withClaims((claims) => ({ ...claims, sub: 'bob' }))],
    ['no token at all', /no ID token/, () => undefined],
  ];
  for (const [name, cause, tamper] of bad) {
    provider.tamper = tamper;
    const browser = new Browser();
    assert.match(await causeOf(() => signIn(subject, browser)), cause, name);
    assert.equal(await whoami(browser), null, name);
  }
  provider.tamper = withClaims((claims) => claims);
  assert.equal(await signIn(subject), '', 'signed anew without a change');
  provider.tamper = null;
});

test('an attempt that began on one node ends on another', async () => {
  const other = await service.node();
  const browser = new Browser();
  const url = await callbackUrl(browser, provider.person('anna', 'anna@wmda.example'));
  browser.jars.set(other, browser.jar(service.base));
  assert.equal(outcome(await browser.go(url.replace(service.base, other))), '');
  assert.equal(await whoami(browser), 'anna@wmda.example', 'and the session counts on the first');
});

test('new keys of the provider are found', async () => {
  const subject = provider.person('anna', 'anna@wmda.example');
  await new Promise((done) => setTimeout(done, 5500));
  await provider.replaceKeys('second');
  assert.equal(await signIn(subject), '');
});

test('a provider that fails in the middle is a failure and no session', async () => {
  const subject = provider.person('anna', 'anna@wmda.example');
  for (const mood of ['fails', 'hangs']) {
    const browser = new Browser();
    const url = await callbackUrl(browser, subject);
    provider.mood = mood;
    assert.equal(outcome(await browser.go(url)), 'failed');
    provider.mood = 'answers';
    assert.equal(await whoami(browser), null);
  }
});

test('no secret, code or token of a sign-in is in the log or the audit trail', async () => {
  const browser = new Browser();
  const url = new URL(await callbackUrl(browser, provider.person('anna', 'anna@wmda.example')));
  const attempt = browser.jar(service.base).get('__Host-wmda-openid');
  assert.equal(outcome(await browser.go(url.href)), '');
  const trail = JSON.stringify((await service.call('GET', '/audit-events?limit=200', admin)).body);
  const written = service.log() + trail;
  const hidden = [
    CLIENT.secret,
    attempt,
    url.searchParams.get('code'),
    url.searchParams.get('state'),
    browser.jar(service.base).get('__Host-wmda-session'),
  ];
  for (const one of hidden) assert.ok(one.length > 20 && !written.includes(one));
});
