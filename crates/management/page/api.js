// The REST API client, and how its failures appear to the page.

import { t } from './texts.js';

const BASE = '/api/v1';
/** The time-out of a call: the server itself gives up after 15 seconds. */
const PATIENCE = 20_000;

/** The server's clock, by the Date of its last answer: a secret's expiry must not depend on this machine's clock. */
export const clock = {
  ahead: 0,
  now: () => Date.now() + clock.ahead,
};

/** What the session adds to a call (such as the CSRF token); see session.js. */
export const hooks = {
  csrf: () => '',
  refreshCsrf: async () => false,
  renew: async () => false,
};

/** The server refused, and why. */
class Problem extends Error {
  constructor(response, body) {
    super(body?.detail ?? t.answered(response.status));
    this.status = response.status;
    this.retryAfter = Number(response.headers.get('Retry-After')) || null;
    this.requestId = response.headers.get('X-Request-Id');
  }
}

/** No answer, or none of this service: the outcome of a change is unknown. */
export class NoAnswer extends Error {
  constructor() {
    super(t.noAnswer);
  }
}

/** The session has ended, and the page shows the sign-in. */
export class SessionOver extends Error {}

/** The view was left, which aborts its calls. */
export const isAbort = (error) => error?.name === 'AbortError';

/** Whether a change may have been made despite the failure. */
export const isUnknown = (error) => error instanceof NoAnswer || (error instanceof Problem && error.status >= 500);

async function send(method, path, { body, background, signal }) {
  const headers = { Accept: 'application/json' };
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  if (method !== 'GET') headers['X-CSRF-Token'] = hooks.csrf();
  if (background) headers['X-Background'] = '1';
  const signals = [AbortSignal.timeout(PATIENCE), ...(signal ? [signal] : [])];
  const options = { method, headers, signal: AbortSignal.any(signals), cache: 'no-store', redirect: 'error' };
  if (body !== undefined) options.body = JSON.stringify(body);
  try {
    const asked = clock.now();
    const response = await fetch(BASE + path, options);
    const date = Date.parse(response.headers.get('Date'));
    // An answer that took long is no reason to doubt the clock.
    if (date < asked - 2_000 || date > clock.now() + 2_000) clock.ahead = date - Date.now();
    return { response, content: await read(response) };
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new NoAnswer();
  }
}

async function read(response) {
  const kind = response.headers.get('Content-Type') ?? '';
  if (response.status === 204 || !kind.includes('json')) return null;
  return response.json();
}

/** Calls the API. `background` marks a call that nobody asked for: it keeps no session alive. */
async function call(method, path, options = {}) {
  let { response, content } = await send(method, path, options);
  // Another tab may have signed in again: the cookie then has another CSRF token.
  if (response.status === 403 && method !== 'GET' && (await hooks.refreshCsrf())) {
    ({ response, content } = await send(method, path, options));
  }
  if (response.status === 401 && !options.signingIn) {
    if (!(await hooks.renew(options))) throw new SessionOver();
    ({ response, content } = await send(method, path, options));
  }
  if (!response.ok) throw new Problem(response, content);
  if (content === null && response.status !== 204) throw new NoAnswer();
  return content;
}

export const get = (path, options) => call('GET', path, options);
export const post = (path, body, options) => call('POST', path, { ...options, body });
export const patch = (path, body, options) => call('PATCH', path, { ...options, body });
export const remove = (path, options) => call('DELETE', path, options);

/** Downloads an answer as a file. */
export async function download(path, type, file) {
  const response = await fetch(BASE + path, { headers: { Accept: type }, cache: 'no-store' }).catch(() => null);
  if (!response) throw new NoAnswer();
  if (!response.ok) throw new Problem(response, await read(response));
  const url = URL.createObjectURL(await response.blob());
  const link = document.createElement('a');
  Object.assign(link, { href: url, download: file });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** All items of a list, following its pagination; for lists that are short by nature. */
export async function all(path, options) {
  const items = [];
  const mark = path.includes('?') ? '&' : '?';
  let after = '';
  do {
    const page = await get(`${path}${mark}limit=200${after}`, options);
    items.push(...page.items);
    after = page.next ? `&after=${encodeURIComponent(page.next)}` : null;
  } while (after !== null);
  return items;
}

/** The server's facts embedded in the document. */
export const facts = JSON.parse(document.querySelector('meta[name="wmda-auth"]').content);
